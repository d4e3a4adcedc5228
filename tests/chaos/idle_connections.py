"""Idle and half-open connections, also as a program with arguments PORT and NUMBER.

The program prints `open`, keeps so many connections open until its standard input ends, and prints
how many of them the server has closed.
"""

import socket
import sys
from contextlib import suppress
from select import select
from typing import Self

HALF_A_HEAD = b"GET /v1/schools HTTP/1.1\r\nHost: x\r\nX-Half:"
BEGINNINGS = (b"", HALF_A_HEAD)
INTERVAL_SECONDS = 0.2


class IdleConnections:
    """Connections that send nothing or half a head, and are replaced when the API closes them."""

    def __init__(self, port: int, beginnings: tuple[bytes, ...] = BEGINNINGS) -> None:
        self._port = port
        self._beginnings = beginnings
        self._open: list[socket.socket] = []
        self.closed = 0

    def fill(self, number: int) -> None:
        """Close what the API has closed, and open connections up to the number."""
        still_open = [connection for connection in self._open if not self._is_closed(connection)]
        self.closed += len(self._open) - len(still_open)
        self._open = still_open
        while len(self._open) < number:
            connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
            connection.sendall(self._beginnings[len(self._open) % len(self._beginnings)])
            connection.settimeout(0)
            self._open.append(connection)

    def close(self) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _is_closed(connection: socket.socket) -> bool:
        try:
            while connection.recv(4096):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        connection.close()
        return True


def main(port: int, number: int) -> None:
    with IdleConnections(port) as connections:
        connections.fill(number)
        print("open", flush=True)  # noqa: T201  # for the process that started this one
        while not select([sys.stdin], [], [], INTERVAL_SECONDS)[0]:
            with suppress(OSError):
                connections.fill(number)
        print(connections.closed)  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
