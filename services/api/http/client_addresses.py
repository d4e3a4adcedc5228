"""Addresses of clients: an IPv4 address is one, in whatever form it comes."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

LOOPBACK = "127.0.0.1,::1"
"""The trusted proxies when `FORWARDED_ALLOW_IPS` is not set."""

_NAT64 = ip_network("64:ff9b::/96")
"""The well-known prefix for IPv4 clients behind a translator (RFC 6052)."""
_CLIENT_PREFIX = 64
_FORWARDED_FOR = b"x-forwarded-for"
MAX_FORWARDED = 50
MAX_FORWARDED_BYTES = 1024
"""The last part of `X-Forwarded-For` that is read: what comes before it was not added by proxies of
this service, and takes time to read."""


class ClientAddresses(ProxyHeadersMiddleware):
    """Takes client and scheme from the headers of trusted proxies, IPv4-mapped addresses as IPv4.

    A listener for both families has each IPv4 peer as `::ffff:a.b.c.d`, the proxies in front too.
    """

    def __init__(self, app: object, trusted: str) -> None:
        hosts = [_unmapped(host.strip()) for host in trusted.split(",")]
        super().__init__(app, hosts)  # type: ignore[arg-type]  # uvicorn's types of ASGI

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "http" and (client := scope.get("client")):
            host = _unmapped(client[0])
            scope["client"] = (host, client[1])
            if host in self.trusted_hosts:
                scope["headers"] = _with_bare_addresses(scope["headers"])
        await super().__call__(scope, receive, send)


def rate_limited_network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 address.

    A client can use any address within its /64. A text that is no address counts as it is.
    """
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is None and parsed in _NAT64:
            mapped = IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if mapped is None:
            return str(ip_network((int(parsed), _CLIENT_PREFIX), strict=False))
        return str(mapped)
    return address


def _unmapped(host: str) -> str:
    """Return an IPv4-mapped address as IPv4, and any other text as it is."""
    parsed = _parsed(host)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return host if mapped is None else str(mapped)


def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _with_bare_addresses(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers with one `X-Forwarded-For`, if any, as `_bare_addresses` makes it."""
    others = [header for header in headers if header[0] != _FORWARDED_FOR]
    forwarded = [value for name, value in headers if name == _FORWARDED_FOR]
    if forwarded:
        others.append((_FORWARDED_FOR, _bare_addresses(b", ".join(forwarded))))
    return others


def _bare_addresses(header: bytes) -> bytes:
    """Return the last hosts of an `X-Forwarded-For`, without brackets and ports."""
    last = header[-MAX_FORWARDED_BYTES:].decode("latin-1")
    items = last.rsplit(",", MAX_FORWARDED)
    if len(header) > MAX_FORWARDED_BYTES or len(items) > MAX_FORWARDED:
        del items[0]  # a part of an item, or more than are read
    return ", ".join(_bare(item.strip()) for item in items).encode("latin-1")


def _bare(item: str) -> str:
    host, port = item, ""
    if item.startswith("["):
        host, _, port = item[1:].partition("]")
    elif "." in item.rpartition(":")[0]:  # the port of an IPv4 address, mapped or not
        host, _, port = item.rpartition(":")
    has_valid_port = not port or port.removeprefix(":").isdecimal()
    return _unmapped(host) if has_valid_port and _parsed(host) else item
