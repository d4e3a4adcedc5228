"""A connection pooler in transaction mode: each transaction goes to the next server connection."""

import os
import select
import socket
import socketserver
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from threading import Thread
from typing import Any

import psycopg

SERVER_CONNECTIONS = 4
NOT_ENCRYPTED = {80877103, 80877104}
"""Codes of the requests for TLS and GSS encryption, which come before the startup packet."""
OWN_PID = 7
IDLE = b"I"
PARAMETERS = (
    "server_version",
    "server_encoding",
    "client_encoding",
    "standard_conforming_strings",
    "TimeZone",
)


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


class ServerConnection:
    """A connection that psycopg has opened, and its socket."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.socket = socket.socket(fileno=os.dup(self.connection.fileno()))
        self.socket.setblocking(True)  # noqa: FBT003  # a method of the standard library
        self._received = b""

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        """Receive bytes, and yield each whole message as its kind and its bytes."""
        self._received += self.socket.recv(65536)
        while len(self._received) > 4:
            size = 1 + struct.unpack("!i", self._received[1:5])[0]
            if len(self._received) < size:
                return
            found, self._received = self._received[:size], self._received[size:]
            yield found[:1], found

    def close(self) -> None:
        self.socket.close()
        self.connection.close()


class Handler(socketserver.BaseRequestHandler):
    server: "Pooler"

    def handle(self) -> None:
        with suppress(OSError):
            if self._start():
                self._relay()

    def _start(self) -> bool:
        startup = self._startup_packet()
        if b"options" in startup and not self.server.ignores_options:
            fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
            self.request.sendall(message(b"E", fields))
            return False
        info = self.server.connections[0].connection.info
        self.request.sendall(message(b"R", struct.pack("!i", 0)))
        for name in PARAMETERS:
            value = info.parameter_status(name) or ""
            self.request.sendall(message(b"S", f"{name}\0{value}\0".encode()))
        self.request.sendall(message(b"K", struct.pack("!ii", OWN_PID, 0)) + message(b"Z", IDLE))
        return True

    def _startup_packet(self) -> bytes:
        while True:
            size, code = struct.unpack("!ii", self.request.recv(8))
            if code not in NOT_ENCRYPTED:
                return bytes(self.request.recv(size - 8))
            self.request.sendall(b"N")

    def _relay(self) -> None:
        for current in self.server.rotation:
            is_idle = False
            while not is_idle:
                readable, _, _ = select.select([self.request, current.socket], [], [])
                if self.request in readable:
                    received = self.request.recv(65536)
                    if not received or received[:1] == b"X":
                        return
                    current.socket.sendall(received)
                if current.socket in readable:
                    for kind, found in current.messages():
                        self.request.sendall(found)
                        is_idle = kind == b"Z" and found[-1:] == IDLE


class Pooler(socketserver.ThreadingTCPServer):
    """A pooler that refuses the startup parameter `options`, or ignores it if told to."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, url: str, *, ignores_options: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ignores_options = ignores_options
        self.connections = [ServerConnection(url) for _ in range(SERVER_CONNECTIONS)]
        self.rotation = cycle(self.connections)

    @property
    def address(self) -> tuple[Any, ...]:
        return tuple(self.server_address)


@contextmanager
def pooler(url: str, *, ignores_options: bool) -> Iterator[str]:
    """Run a pooler in front of the database of a URL; yield the URL that leads through it."""
    with Pooler(url, ignores_options=ignores_options) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        credentials, _, rest = url.rpartition("@")
        yield f"{credentials}@127.0.0.1:{server.address[1]}/{rest.rpartition('/')[2]}"
        server.shutdown()
        for connection in server.connections:
            connection.close()
