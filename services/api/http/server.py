"""The HTTP server of the API: uvicorn, with listening sockets that cannot exhaust open files."""

import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from services.api.http.protocol import ProblemProtocol
from shared.core.errors import ConfigurationError

ACCEPTED_AT_ONCE = 64
"""Connections that asyncio accepts before the first of them is handled."""
LISTEN_BACKLOG = 2048
"""Connections that wait in the kernel; a burst of them is no error."""


class Server(uvicorn.Server):
    """A server whose kernel keeps more connections waiting than asyncio accepts at once.

    For both, asyncio uses the one argument `backlog`. Without open files left, it would also log
    an error for each of them.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(LISTEN_BACKLOG)


def serve(app: ASGIApp, host: str, port: int, keep_alive_seconds: int) -> None:
    """Serve the app until SIGINT or SIGTERM; an idle connection stays open for the given time.

    Raises:
        ConfigurationError: when it cannot listen at the address.
    """
    config = uvicorn.Config(
        app,
        http=ProblemProtocol,
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=5,
    )
    try:
        listeners = _listeners(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"the API cannot listen on {host} at port {port} ({error.strerror}): set "
            "TOETSFEEDBACK_API_HOST and TOETSFEEDBACK_API_PORT to an address that is free"
        ) from None
    Server(config).run(listeners)


def _listeners(host: str, port: int) -> list[socket.socket]:
    addresses = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    return [_listener(family, address) for family, _, _, _, address in addresses]


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    """Return a socket of protocol TCP by name: on others asyncio sets no TCP_NODELAY."""
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
    return listener
