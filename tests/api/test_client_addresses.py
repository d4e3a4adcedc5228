"""Addresses of clients at a listener for both families, and as proxies write them."""

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import httpx
import pytest

from services.api.http.client_addresses import (
    LOOPBACK,
    MAX_FORWARDED,
    MAX_FORWARDED_BYTES,
    ClientAddresses,
)
from services.api.http.server import open_listeners
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from tests.api.api_process import ApiProcess

LIMIT = 5
PATH = "/v1/schools"


@pytest.fixture(scope="module")
def api(api_settings: Settings) -> Iterator[ApiProcess]:
    """Yield an API on `::`, with the default of trusted proxies."""
    assert "FORWARDED_ALLOW_IPS" not in os.environ
    process = ApiProcess(
        api_settings,
        TOETSFEEDBACK_API_HOST="::",
        TOETSFEEDBACK_API_ADDRESS_REQUESTS_PER_MINUTE=str(LIMIT),
    )
    process.spawn()
    try:
        process.wait_until_healthy()
        yield process
    finally:
        process.close()


def client_at(api: ApiProcess, address: str, host: str = "127.0.0.1") -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(transport=transport, base_url=f"http://{host}:{api.port}")


def random_ipv4() -> str:
    first, second, third = uuid4().bytes[:3]
    return f"100.{first}.{second}.{third}"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_listener_on_the_unspecified_ipv6_address_accepts_both_families(
    api: ApiProcess, host: str
) -> None:
    assert httpx.get(f"http://{host}:{api.port}/health").status_code == 200


def test_ipv4_clients_of_a_listener_for_both_families_have_limits_of_their_own(
    api: ApiProcess,
) -> None:
    with client_at(api, "127.0.0.2") as one, client_at(api, "127.0.0.3") as other:
        statuses = [one.get(PATH).status_code for _ in range(3 * LIMIT)]
        assert statuses[0] == 401
        assert 429 in statuses
        assert other.get(PATH).status_code == 401


@pytest.mark.parametrize(("address", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_each_form_of_an_ipv4_address_from_a_proxy_counts_as_that_address(
    api: ApiProcess, address: str, host: str
) -> None:
    forwarded, other = random_ipv4(), random_ipv4()
    number = int.from_bytes(socket.inet_aton(forwarded))
    forms = [
        forwarded,
        f"{forwarded}:4711",
        f"::ffff:{forwarded}",
        f"::ffff:{forwarded}:4711",
        f"[::ffff:{forwarded}]",
        f"[::ffff:{forwarded}]:4711",
        f"0:0:0:0:0:FFFF:{number >> 16:x}:{number & 0xFFFF:x}",
        f"64:ff9b::{forwarded}",
        f"{other}, {forwarded}, ::ffff:127.0.0.1, ::1",
    ]
    with client_at(api, address, host) as proxy:
        statuses = [
            proxy.get(PATH, headers={"X-Forwarded-For": form}).status_code for form in forms * 2
        ]
        assert statuses[0] == 401
        assert 429 in statuses
        assert proxy.get(PATH, headers={"X-Forwarded-For": other}).status_code == 401


def test_forwarded_address_of_a_client_that_is_no_proxy_is_ignored(api: ApiProcess) -> None:
    with client_at(api, "127.0.0.4") as client:
        statuses = {
            client.get(PATH, headers={"X-Forwarded-For": random_ipv4()}).status_code
            for _ in range(3 * LIMIT)
        }
    assert 429 in statuses


def forwarded_client(peer: str, forwarded: bytes) -> tuple[tuple[str, int], bytes]:
    """Return the client of a request and its `X-Forwarded-For`, as the application gets them."""
    seen: list[Any] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    headers = [(b"x-forwarded-for", forwarded)]
    scope: Any = {"type": "http", "client": (peer, 1), "headers": headers}
    asyncio.run(ClientAddresses(application, LOOPBACK)(scope, AsyncMock(), AsyncMock()))
    return seen[0]["client"], dict(seen[0]["headers"])[b"x-forwarded-for"]


@pytest.mark.parametrize("item", [b"192.0.2.1:80", b"x", b"1" * 200])
def test_only_the_last_part_of_forwarded_addresses_is_read(item: bytes) -> None:
    long = b",".join([item] * 10_000 + [b"[::ffff:192.0.2.7]:443"])
    client, read = forwarded_client("127.0.0.1", long)
    assert client[0] == "192.0.2.7"
    assert len(read) <= 2 * MAX_FORWARDED_BYTES
    assert read.count(b",") < MAX_FORWARDED


def test_forwarded_addresses_of_a_client_that_is_no_proxy_are_not_read() -> None:
    long = b",".join([b"192.0.2.1:80"] * 10_000)
    assert forwarded_client("192.0.2.9", long) == (("192.0.2.9", 1), long)


def addresses(*found: tuple[socket.AddressFamily, str]) -> list[Any]:
    """Return what `getaddrinfo` finds for a name with these addresses."""
    return [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for family, address in found]


def test_name_with_an_address_that_the_machine_lacks_listens_on_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = addresses(
        (socket.AF_INET6, "2001:db8::1"),
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET6, "::1"),
    )
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    listeners = open_listeners("a-name.example", 0)
    assert [listener.getsockname()[0] for listener in listeners] == ["127.0.0.1", "::1"]
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("host", ["2001:db8::1", "192.0.2.1", "unknown.invalid", "[::1]"])
def test_error_names_a_host_that_is_none_of_this_machine(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"API_HOST") as error:
        open_listeners(host, 0)
    assert host in str(error.value)
