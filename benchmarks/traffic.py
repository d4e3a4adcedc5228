"""A minimal HTTP client over persistent connections, to leave the CPU to the server."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

from services.cli.signing import ProofKey


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `seconds` counts from the first byte sent to the last byte received."""

    status: int
    head: bytes
    body: bytes
    seconds: float


class Connection:
    """A persistent connection; responses need a Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> Response:
        began = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length:")
        body = await self._reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        return Response(int(head[9:12]), head, body, time.perf_counter() - began)

    def close(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True)
class TokenClient:
    """An access token with its DPoP key; `url` is the public address of the API."""

    token: str
    key: ProofKey
    url: str

    def request(self, path: str) -> bytes:
        proof = self.key.proof("GET", self.url + path, self.token)
        return plain(path, f"Authorization: DPoP {self.token}\r\nDPoP: {proof}\r\n")

    async def learn_nonce(self, connection: Connection) -> None:
        """Take the nonce for later proofs from the response to a proof without one."""
        response = await connection.send(self.request("/v1/schools"))
        for line in response.head.decode().splitlines():
            name, _, value = line.partition(": ")
            if name.lower() == "dpop-nonce":
                self.key.nonce = value


def plain(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


async def rate(ports: Sequence[int], connections: int, requests: Iterator[bytes]) -> float:
    """Send the requests over so many connections to each port; return requests per second.

    Raises:
        SystemExit: a response has another status than 200.
    """

    async def drive(connection: Connection) -> int:
        done = 0
        for request in requests:
            response = await connection.send(request)
            if response.status != 200:  # noqa: PLR2004  # OK
                raise SystemExit(f"status {response.status}: {response.body.decode()}")
            done += 1
        connection.close()
        return done

    opened = [await Connection.to(port) for port in ports for _ in range(connections)]
    began = time.perf_counter()
    done = sum(await asyncio.gather(*map(drive, opened)))
    return done / (time.perf_counter() - began)


def require(response: Response, status: int = httpx.codes.OK) -> Response:
    if response.status != status:
        raise SystemExit(f"status {response.status}: {response.body.decode()}")
    return response
