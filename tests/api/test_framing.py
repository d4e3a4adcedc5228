"""Requests that two parsers may read differently are refused, and their connection is closed."""

import re
import socket

import httpx
import pytest

HEAD = b"GET /health HTTP/1.1\r\nHost: here\r\n"
CHUNKED = b"POST /oauth2/token HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n"
CHUNKED += b"Content-Type: application/x-www-form-urlencoded\r\n"
NEXT = b"GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


def send(url: str, *parts: bytes) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "request_bytes",
    [
        CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
        CHUNKED.replace(b"Transfer", b"Content-Length: 5\r\nTransfer") + b"\r\n0\r\n\r\n",
        b"GET /health HTTP/1.1\nHost: here\n\n",
        b"GET /health HTTP/1.1\r\nHost: here\n\r\n",
        HEAD + b"X: 1\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"\n",
        CHUNKED + b"\r\n0\r\nX: 1\n\r\n",
        CHUNKED + b"\r\n0\r\nX: 1\n\n",
        CHUNKED.replace(b"1.1", b"1.0") + b"\r\n0\r\n\r\n",
        CHUNKED.replace(b": chunked", b":\r\n chunked") + b"\r\n0\r\n\r\n",
        CHUNKED.replace(b": chunked", b":\r\n\tchunked") + b"\r\n0\r\n\r\n",
        HEAD + b"X: 1\r\n Content-Length: 5\r\n\r\n",
        CHUNKED + b"\r\n0;a\rb\r\n\r\n",
        CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 5, 5") + b"\r\nx=1&y",
        CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: +5") + b"\r\nx=1&y",
    ],
)
def test_ambiguous_request_is_refused_and_the_connection_closed(
    url: str, request_bytes: bytes
) -> None:
    received = send(url, request_bytes, NEXT)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert len(re.findall(rb"HTTP/1\.1 [0-9]{3}", received)) == 1
    assert b"application/problem+json" in received
    assert b"connection: close" in received.lower()


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"1.9", b"2.0", b"3.0"])
def test_other_versions_of_http_are_refused(url: str, version: bytes) -> None:
    received = send(url, HEAD.replace(b"1.1", version, 1) + b"\r\n", NEXT)
    assert received.startswith(b"HTTP/1.1 505 ")
    assert b"httpVersionNotSupported" in received
    assert b"connection: close" in received.lower()


def test_request_for_a_web_socket_is_an_ordinary_one(url: str) -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    received = send(url, HEAD + upgrade + NEXT)
    assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X%d: x\r\n" % number for number in range(8_000)) + b"\r\n",
        b"GET /health?" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n",
        HEAD + b"X: " + b"x" * 70_000,
    ],
    ids=["one header", "many headers", "a long target", "an endless head"],
)
def test_too_large_head_is_refused_and_the_connection_closed(url: str, head: bytes) -> None:
    received = send(url, head)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert b"requestHeadTooLarge" in received
    assert b"connection: close" in received.lower()


def test_usual_requests_follow_each_other_on_a_connection(url: str) -> None:
    body = b"\r\n5\r\nx=1&y\r\n0\r\nTrailer: 1\r\n\r\n"
    received = send(url, HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n" + CHUNKED + body + NEXT)
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(b"HTTP/1.1 400 ") == 1
    assert b"invalid_request" in received


@pytest.mark.parametrize(
    "path",
    [
        "/v1/schools%2F072837",
        "/v1/schools%2F072837%2Fresults%0A",
        "/v1/%73chools",
        "/v1/schools%0A",
        "/he%61lth",
        "/health%0a",
        "/%68ealth/live",
    ],
)
def test_operation_has_one_path(url: str, path: str) -> None:
    """A rule of a proxy about the path as it was sent sees the operation that is served."""
    received = send(url, NEXT.replace(b"/health", path.encode()))
    assert received.startswith(b"HTTP/1.1 404 ")
