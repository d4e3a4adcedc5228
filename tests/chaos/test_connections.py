"""Idle and half-open connections against an API process with the limits of its settings."""

import resource
import select
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE
from threading import Event
from typing import Any

import httpx
import pytest

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from embedded.ports import LOOPBACK, choose_port
from embedded.programs import Program, is_healthy, toetsfeedback_command
from services.api.http.middleware import MAX_WAITING
from services.http_server.connections import MAX_BEHIND, RESERVED
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.settings import MIB, Settings
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from tests.chaos import idle_connections as idle_connections_module
from tests.chaos.conftest import Intensity
from tests.chaos.idle_connections import HALF_A_HEAD, IdleConnections

pytestmark = pytest.mark.journey

IDLE = 2_000
HALF_A_BODY = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{"
HALF_A_FORM = b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n"
HALF_A_FORM += b"Content-Type: application/x-www-form-urlencoded\r\n\r\ng"
"""Half a body of an operation that reads it before it knows its client."""
TOO_LARGE_A_BODY = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n{"
DISCONNECTED_SECONDS = 30.0
OPEN_FILES = 1_024
"""The usual limit of a process: fewer than the idle connections."""


class Api:
    """An API as a process of its own, with its log."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.port = choose_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.log = directory / "api.log"
        self.settings = settings = settings.model_copy(update={"public_url": self.url})
        secret = {"database_url", "redis_url"}
        environment = {
            f"TOETSFEEDBACK_{name.upper()}": str(value)
            for name, value in settings.model_dump(exclude=secret, exclude_none=True).items()
        } | {
            f"TOETSFEEDBACK_{name.upper()}": getattr(settings, name).get_secret_value()
            for name in secret
        }
        command = toetsfeedback_command("api", "--port", str(self.port))
        ready = Event().is_set  # the test waits
        self.program = Program("api", self.log, command, environment, ready)

    @contextmanager
    def running(self) -> Iterator[None]:
        self.program.start()
        try:
            deadline = time.monotonic() + 60
            while not is_healthy(self.port):
                assert self.program.is_alive(), self.log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield
        finally:
            self.program.finish_stop()


@pytest.fixture(scope="module")
def start_api(
    settings_of: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Api]:
    def start(**changes: Any) -> Api:
        settings = settings_of("api").model_copy(update=changes)
        return Api(settings, tmp_path_factory.mktemp("api"))

    return start


@pytest.fixture
def api(start_api: Callable[..., Api]) -> Iterator[Api]:
    """An API that may open as many files as is usual, and more if it asks for them itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    api = start_api()
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))
    try:
        with api.running():
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * IDLE), hard))
            yield api
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    authority, kind = TokenAuthority.of(api.settings), CallerKind.OPERATOR
    caller, key = Caller("load", kind, GRANTABLE[kind]), ProofKey()
    auth = TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, key.thumbprint), key)
    with httpx.Client(base_url=api.url, auth=auth, timeout=10) as client:
        yield client


@contextmanager
def idle_connections(port: int) -> Iterator[None]:
    """Keep so many connections open until the block ends, by a process that slows no client."""
    command = [sys.executable, idle_connections_module.__file__, str(port), str(IDLE)]
    process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield
        closed, _ = process.communicate()
    assert int(closed) > 0


def times_of(client: httpx.Client, port: int, seconds: float) -> list[float]:
    """Return the times of requests of a client that works, next to checks of the health."""
    times = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        started = time.monotonic()
        answer = client.get("/v1/schools")
        times.append(time.monotonic() - started)
        assert answer.status_code == 200
        assert is_healthy(port)
        time.sleep(0.05)
    return times


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def test_idle_and_half_open_connections_stop_nobody(
    api: Api, client: httpx.Client, intensity: Intensity
) -> None:
    times_of(client, api.port, 1)
    usual = times_of(client, api.port, intensity.idle_seconds / 2)
    log_before = api.log.stat().st_size
    with idle_connections(api.port):
        loaded = times_of(client, api.port, intensity.idle_seconds)
    assert api.log.stat().st_size - log_before <= MIB
    usual += times_of(client, api.port, intensity.idle_seconds / 2)
    print(f"p95: {p95(usual) * 1000:.1f} ms, attacked {p95(loaded) * 1000:.1f} ms")  # noqa: T201
    assert p95(loaded) <= 2 * p95(usual) + intensity.noise_seconds
    assert "out of system resource" not in api.log.read_text()


def disconnected(port: int, beginning: bytes, *, drips: bool) -> bytes:
    """Return what the API sends to a client before it closes the connection."""
    received = b""
    deadline = time.monotonic() + DISCONNECTED_SECONDS
    with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
        connection.sendall(beginning)
        while time.monotonic() < deadline:
            try:
                piece = connection.recv(4096)
                if not piece:
                    return received
                received += piece
            except TimeoutError:
                if drips:
                    connection.sendall(b"x")
            except ConnectionResetError:
                return received
    raise AssertionError(f"still connected after {beginning!r}")


def test_silent_and_dripping_clients_are_disconnected(api: Api) -> None:
    cases = [
        (b"", False, b""),
        (HALF_A_HEAD, False, b"HTTP/1.1 408 "),
        (HALF_A_HEAD, True, b"HTTP/1.1 408 "),
        (HALF_A_BODY, False, b"HTTP/1.1 4"),
        (TOO_LARGE_A_BODY, False, b"HTTP/1.1 413 "),
        (TOO_LARGE_A_BODY, True, b"HTTP/1.1 413 "),
    ]
    with ThreadPoolExecutor(len(cases)) as pool:
        waiting = [
            pool.submit(disconnected, api.port, beginning, drips=drips)
            for beginning, drips, _ in cases
        ]
        for (_, _, expected), received in zip(cases, waiting, strict=True):
            assert received.result().startswith(expected)


def test_connections_that_were_opened_together_are_closed_over_seconds(api: Api) -> None:
    number = 500
    closed_at: list[float] = []
    with ExitStack() as opened, selectors.DefaultSelector() as selector:
        for _ in range(number):
            connection = socket.create_connection((LOOPBACK, api.port), timeout=10)
            selector.register(opened.enter_context(connection), selectors.EVENT_READ)
        while len(closed_at) < number:
            closed = selector.select(DISCONNECTED_SECONDS)
            assert closed
            for key, _ in closed:
                selector.unregister(key.fileobj)
                closed_at.append(time.monotonic())
    assert closed_at[int(0.9 * number)] - closed_at[int(0.1 * number)] > 1


def test_health_is_served_while_requests_in_progress_use_all_connections(
    start_api: Callable[..., Api],
) -> None:
    api = start_api(api_max_connections=128)
    jwks = f"{api.url}/.well-known/jwks.json"
    with api.running(), IdleConnections(api.port, (HALF_A_FORM,)) as connections:
        connections.fill(100)
        refused = httpx.get(jwks)
        assert (refused.status_code, refused.headers["Connection"]) == (503, "close")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert is_healthy(api.port)
        connections.close()
        time.sleep(0.5)
        assert httpx.get(jwks).status_code == 200


@contextmanager
def clients_that_receive_nothing(
    port: int, number: int, requests: bytes
) -> Iterator[list[socket.socket]]:
    """Send requests on so many connections with the smallest buffers, and yield these."""
    with ExitStack() as opened:
        connections = [opened.enter_context(socket.socket()) for _ in range(number)]
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            connection.settimeout(10)
            connection.connect((LOOPBACK, port))
            connection.sendall(requests)
        yield connections


def test_requests_whose_responses_are_not_received_are_not_in_progress(
    start_api: Callable[..., Api],
) -> None:
    api = start_api(api_max_connections=128)
    requests = 8 * b"GET /doc/openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n"
    with api.running():
        httpx.get(f"{api.url}/doc/openapi.yaml", timeout=DISCONNECTED_SECONDS)
        with clients_that_receive_nothing(api.port, 100, requests):
            time.sleep(3)
            jwks = httpx.get(f"{api.url}/.well-known/jwks.json", timeout=DISCONNECTED_SECONDS)
            assert jwks.status_code == 200


def test_few_large_responses_wait_in_memory(start_api: Callable[..., Api]) -> None:
    api = start_api(api_max_connections=200)
    request = b"GET /doc/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with api.running(), clients_that_receive_nothing(api.port, 100, request) as connections:
        poll, ended = select.poll(), set[int]()
        for connection in connections:
            poll.register(connection, select.POLLHUP)
        deadline = time.monotonic() + DISCONNECTED_SECONDS
        while time.monotonic() < deadline and len(ended) < 100 - MAX_BEHIND:
            ended.update(file for file, _ in poll.poll(100))
        assert len(ended) == 100 - MAX_BEHIND
        assert is_healthy(api.port)


def test_halves_of_forms_leave_room_for_others(start_api: Callable[..., Api]) -> None:
    api = start_api(api_max_connections=MAX_WAITING + 2 * RESERVED)
    with api.running(), IdleConnections(api.port, (HALF_A_FORM,)) as connections:
        connections.fill(MAX_WAITING + RESERVED)
        time.sleep(2)
        assert httpx.get(f"{api.url}/.well-known/jwks.json").status_code == 200
        assert httpx.post(f"{api.url}/oauth2/token", data={"a": "b"}).status_code == 401
