"""A balancing proxy that treats its servers as nginx does with `max_fails=0` and keep-alive."""

import http.client
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from select import select
from threading import Lock

Response = tuple[int, bytes]
BAD_GATEWAY: Response = (502, b"")


class Balancer:
    """Requests take turns; a server that refuses the connection is left out for that request.

    An idle connection that the server closes when a request has been sent on it is an error for a
    request that is not idempotent: it may have been executed.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._numbers = count()
        self._idle: dict[int, list[http.client.HTTPConnection]] = {port: [] for port in ports}
        self._lock = Lock()

    def send(self, method: str, path: str, body: bytes | None = None) -> Response:
        """Send a request to a server and return its response, or 502."""
        for port in self._next_ports():
            try:
                connection = self._idle_connection(port) or _connect(port)
            except ConnectionRefusedError:
                continue
            try:
                return self._exchange(connection, port, method, path, body)
            except (OSError, http.client.HTTPException):
                connection.close()
                if method != "GET":
                    return BAD_GATEWAY
        return BAD_GATEWAY

    def _idle_connection(self, port: int) -> http.client.HTTPConnection | None:
        """Return an idle connection that the server has not closed; nginx watches for that."""
        while True:
            with self._lock:
                connection = self._idle[port].pop() if self._idle[port] else None
            if connection is None or not select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()

    def _next_ports(self) -> Iterator[int]:
        first = next(self._numbers)
        for number in range(len(self._ports)):
            yield self._ports[(first + number) % len(self._ports)]

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        port: int,
        method: str,
        path: str,
        body: bytes | None,
    ) -> Response:
        connection.request(method, path, body, FORM if body else {})
        response = connection.getresponse()
        received = response.read()
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle[port].append(connection)
        return response.status, received

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                with suppress(OSError):
                    connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _connect(port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    connection.auto_open = 0
    return connection
