"""The HTTP server of the API: uvicorn, with listening sockets that cannot exhaust open files."""

import asyncio
import errno
import gc
import math
import os
import socket
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.api.http.client_addresses import LOOPBACK, ClientAddresses
from services.api.http.protocol import ProblemProtocol
from shared.core.errors import ConfigurationError

ACCEPTED_AT_ONCE = 64
"""Connections that asyncio accepts before the first of them is handled."""
LISTEN_BACKLOG = 2048
"""Connections that wait in the kernel; a burst of them is no error."""
IDLE_DRAIN_SECONDS = 2.0
"""How long a stopping server still answers on idle connections: a proxy may be sending on one."""
CLOSE = (b"connection", b"close")
STOPPING = "stopping"
"""In the state of the application: an event that is set when the server begins to stop."""

GC_THRESHOLDS = 20_000, 20, 50
"""Thresholds of the generations of Python's garbage collector (`gc.set_threshold`)."""

_BOTH_FAMILIES = "::"
_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""Errors for an address that a name has and the machine lacks: `localhost` without IPv6."""


class Server(uvicorn.Server):
    """A server whose kernel keeps more connections waiting than asyncio accepts at once.

    For both, asyncio uses the one argument `backlog`. Without open files left, it would also log
    an error for each of them.

    It stops without losing a request: first it closes the listeners, so that a proxy connects to
    another server; then each response asks to close its connection; then it closes those that
    have stayed idle.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(LISTEN_BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        stopping: asyncio.Event | None = self.lifespan.state.get(STOPPING)
        if stopping is not None:
            stopping.set()
        self._announce_close()
        await self._close_listeners(sockets or [])
        loop = asyncio.get_running_loop()
        end = loop.time() + IDLE_DRAIN_SECONDS
        while self._has_idle_connection() and loop.time() < end and not self.force_exit:  # noqa: ASYNC110  # nothing signals it
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)

    def _announce_close(self) -> None:
        """Add `Connection: close` to every response that has not begun."""
        headers = self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in self._connections():
            if cycle := getattr(connection, "cycle", None):  # None before the first request
                cycle.default_headers = headers

    async def _close_listeners(self, sockets: list[socket.socket]) -> None:
        """Accept the connections that wait in the kernel, and then no more.

        asyncio makes a transport of an accepted connection two steps later, and only while the
        server is open.
        """
        await _steps()
        for listener in sockets:
            asyncio.get_running_loop().remove_reader(listener)
        await _steps()
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()

    def _has_idle_connection(self) -> bool:
        return any(
            getattr(connection.cycle, "response_complete", True)
            for connection in self._connections()
        )

    def _connections(self) -> list[H11Protocol]:
        return [cast("H11Protocol", connection) for connection in self.server_state.connections]


async def _steps() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def serve(
    app: ASGIApp, host: str, port: int, drain_seconds: float, keep_alive_seconds: int
) -> None:
    """Serve the app until SIGINT or SIGTERM; then requests have `drain_seconds` to end.

    An idle connection stays open for `keep_alive_seconds`.

    Raises:
        ConfigurationError: when it cannot listen at the address.
    """
    trusted_proxies = os.environ.get("FORWARDED_ALLOW_IPS", LOOPBACK)
    config = uvicorn.Config(
        ClientAddresses(app, trusted_proxies),
        http=ProblemProtocol,
        ws="none",
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
    listeners = open_listeners(host, port)
    _tune_garbage_collection()
    Server(config).run(listeners)


def _tune_garbage_collection() -> None:
    """Collect garbage less often, and never among the objects that exist before the first request.

    A request creates enough objects for several collections, but next to no reference cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of the host that this machine has.

    Raises:
        ConfigurationError: when there is none, or one of them is in use.
    """
    try:
        return _bound_listeners(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"the API cannot listen on {host} at port {port} ({error.strerror}): set "
            "TOETSFEEDBACK_API_HOST and TOETSFEEDBACK_API_PORT to an address that is free"
        ) from None


def _bound_listeners(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    listeners, missing = [], OSError()
    for family, address in dict.fromkeys((family, address) for family, *_, address in found):
        try:
            listeners.append(_listener(family, address))
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            missing = error
    if not listeners:
        raise missing
    return listeners


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    """Return a socket of protocol TCP by name: on others asyncio sets no TCP_NODELAY.

    That of `::` accepts IPv4 too, whatever the default of the kernel.
    """
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            is_limited = address[0] != _BOTH_FAMILIES
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_limited)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
