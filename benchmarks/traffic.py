"""A minimal HTTP client over persistent connections, to leave the CPU to the server."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode

import httpx

from clients.python.proofs import ProofKey


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `seconds` counts from the first byte sent to the last byte received."""

    status: int
    head: bytes
    body: bytes
    seconds: float


BUFFER_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """A response of which the body was received and not kept; `body` is that of a refusal."""

    status: int
    head: bytes
    body: bytes
    size: int
    sha256: str


class Connection:
    """A persistent connection; responses need a Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=BUFFER_BYTES))

    async def send(self, request: bytes) -> Response:
        began = time.perf_counter()
        head, length = await self._begin(request)
        body = await self._reader.readexactly(length)
        return Response(status_of(head), head, body, time.perf_counter() - began)

    async def download(self, request: bytes) -> Download:
        """Send a request, and hash the body of a successful response as it is received."""
        head, length = await self._begin(request)
        status = status_of(head)
        if status != httpx.codes.OK:
            return Download(status, head, await self._reader.readexactly(length), 0, "")
        digest, left = sha256(), length
        while left:
            piece = await self._reader.read(min(left, BUFFER_BYTES))
            if not piece:
                raise EOFError("the connection was closed in the middle of a download")
            digest.update(piece)
            left -= len(piece)
        return Download(status, head, b"", length, digest.hexdigest())

    async def _begin(self, request: bytes) -> tuple[bytes, int]:
        """Send a request; return the head of the response, and the length of its body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        return head, int(header(head, "content-length") or 0)

    @property
    def is_closed(self) -> bool:
        """Return True when the server has closed the idle connection."""
        return self._reader.at_eof()

    def close(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True)
class TokenClient:
    """An access token with its DPoP key; `url` is the public address of the API."""

    token: str
    key: ProofKey
    url: str

    def request(self, path: str) -> bytes:
        return plain(path, self._credentials("GET", path))

    def post(self, path: str, body: Mapping[str, object]) -> bytes:
        return with_json("POST", path, self._credentials("POST", path), body)

    def put(self, path: str, body: Mapping[str, object], headers: str) -> bytes:
        return with_json("PUT", path, self._credentials("PUT", path) + headers, body)

    def _credentials(self, method: str, path: str) -> str:
        proof = self.key.proof(method, self.url + path, self.token)
        return f"Authorization: DPoP {self.token}\r\nDPoP: {proof}\r\n"

    async def learn_nonce(self, connection: Connection) -> None:
        """Take the nonce for later proofs from the response to a proof without one."""
        response = await connection.send(self.request("/v1/schools"))
        self.key.nonce = header(response.head, "dpop-nonce") or self.key.nonce


def plain(path: str, headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()


def form(path: str, headers: str, fields: dict[str, str]) -> bytes:
    """Return a POST request with a form."""
    body = urlencode(fields)
    headers += "Content-Type: application/x-www-form-urlencoded\r\n"
    headers += f"Content-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n{body}".encode()


def with_json(method: str, path: str, headers: str, body: Mapping[str, object]) -> bytes:
    """Return a request with a JSON body."""
    content = json.dumps(body)
    headers += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n{content}".encode()


def status_of(head: bytes) -> int:
    return int(head[9:12])


def header(head: bytes, name: str) -> str | None:
    """Return the value of a header of a response; None without one."""
    return next(header_values(head, name), None)


def header_values(head: bytes, name: str) -> Iterator[str]:
    """Iterate over the values of a header of a response, which can be there several times."""
    for line in head.split(b"\r\n"):
        key, separator, value = line.partition(b":")
        if separator and key.decode().lower() == name:
            yield value.strip().decode()


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
