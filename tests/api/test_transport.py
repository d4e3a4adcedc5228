"""Request targets, connections between requests, and headers about the transport."""

import re
import socket
import time

import httpx
import pytest
from fastapi import FastAPI

from services.api.app import create_app
from services.http_server import connections
from shared.access.rules import CallerKind
from shared.core.settings import Settings
from tests.api.conftest import Callers, serve
from tests.api.seeding import SCHOOL
from tests.api.test_framing import send
from tests.operations import operations_of

TAIL = b" HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/health", 200),
        (b"http://api.example/health", 200),
        (b"HTTPS://api.example:8443/health?x=1", 200),
        (b"http://[::1]:8000/health", 200),
        (b"http://api.example/v1/schools", 401),
        (b"http://api.example", 200),
        (b"http://api.example?x=1", 200),
        (b"http://user@api.example/health", 404),
        (b"ftp://api.example/health", 404),
        (b"http:///health", 404),
    ],
)
def test_target_in_absolute_form_is_that_of_its_path(url: str, target: bytes, status: int) -> None:
    assert send(url, b"GET " + target + TAIL).startswith(b"HTTP/1.1 %d " % status)


def test_target_in_absolute_form_reaches_an_operation_with_a_proof(
    callers: Callers, url: str
) -> None:
    token = callers.token(CallerKind.SCHOOL, SCHOOL)
    headers = callers.headers(token, "GET", f"{url}/v1/schools")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET http://proxy.example/v1/schools?page=1 HTTP/1.1\r\nHost: x\r\n{head}"
    received = send(url, request.encode() + b"Connection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"proxy.example" not in received


def test_idle_connection_outlives_the_time_limit_of_a_head(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that sends a request on an idle connection does not meet one that is closed."""
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_SECONDS", 0.5)
    address = httpx.URL(url)
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection((address.host, address.port or 80), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(request)
            received = b""
            while not received.endswith(b'{"status":"UP"}'):
                received += connection.recv(65536)
            time.sleep(1.5)
        connection.sendall(request[:10])
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 408 ")


def test_default_keep_alive_time_is_longer_than_that_of_proxies(api_settings: Settings) -> None:
    assert api_settings.api_keep_alive_seconds == 75  # nginx closes after 60 s


def test_every_operation_challenges_with_dpop(app: FastAPI, url: str) -> None:
    """Never with `Bearer`: a client would send a token without a proof."""
    challenged = set()
    with httpx.Client(base_url=url) as client:
        for operation in operations_of(app).values():
            path = re.sub(r"{\w+}", "00000000-0000-4000-8000-000000000000", operation.path)
            for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "DPoP x"}):
                response = client.request(operation.method, path, headers=headers)
                if response.status_code == 401 and path.startswith("/v1/"):
                    challenge = response.headers["WWW-Authenticate"]
                    assert challenge.startswith('DPoP realm="toetsfeedback", algs="ES256 ')
                    assert "RS256" not in challenge
                    assert "bearer" not in challenge.lower()
                    assert ("error=" in challenge) == ("Authorization" in headers)
                    challenged.add(operation.name)
    assert len(challenged) > 30


@pytest.mark.parametrize("is_https", [True, False])
def test_strict_transport_is_on_every_response_of_an_https_address(
    api_settings: Settings, *, is_https: bool
) -> None:
    public_url = "https://api.example" if is_https else None
    with serve(create_app(api_settings), public_url) as url, httpx.Client(base_url=url) as client:
        responses = [
            client.request(method, path)
            for method, path in (
                ("GET", "/health"),
                ("GET", "/doc"),
                ("GET", "/doc/assets/start.js"),
                ("GET", "/v1/schools"),
                ("POST", "/oauth2/token"),
                ("BREW", "/nothing"),
            )
        ]
        malformed = send(url, b"GET /health HTTP/1.1\n\n")
    for response in responses:
        assert ("Strict-Transport-Security" in response.headers) is is_https
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert (b"strict-transport-security: max-age=31536000" in malformed.lower()) is is_https
