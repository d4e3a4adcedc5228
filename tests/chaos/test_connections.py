"""Idle and half-open connections against an API process with the limits of its settings."""

import resource
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any, Self

import httpx
import pytest

from embedded.ports import LOOPBACK, choose_port
from embedded.programs import Program, is_healthy, toetsfeedback_command
from services.cli.signing import ProofKey, TokenAuth
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.settings import MIB, Settings
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from tests.chaos.conftest import Intensity

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]

IDLE = 2_000
HALF_A_HEAD = b"GET /v1/schools HTTP/1.1\r\nHost: x\r\nX-Half:"
HALF_A_BODY = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{"
HALF_A_FORM = b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n"
HALF_A_FORM += b"Content-Type: application/x-www-form-urlencoded\r\n\r\ng"
"""Half a body of an operation that reads it before it knows its client."""
TOO_LARGE_A_BODY = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n{"
BEGINNINGS = (b"", HALF_A_HEAD)
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


class IdleConnections:
    """Connections that send nothing or half a head, and are replaced when the API closes them."""

    def __init__(self, port: int, beginnings: tuple[bytes, ...] = BEGINNINGS) -> None:
        self._port = port
        self._beginnings = beginnings
        self._open: list[socket.socket] = []
        self.closed = 0

    def fill(self, number: int = IDLE) -> None:
        """Close what the API has closed, and open connections up to the number."""
        still_open = [connection for connection in self._open if not self._is_closed(connection)]
        self.closed += len(self._open) - len(still_open)
        self._open = still_open
        while len(self._open) < number:
            connection = socket.create_connection((LOOPBACK, self._port), timeout=10)
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


@contextmanager
def idle_connections(
    port: int, beginnings: tuple[bytes, ...] = BEGINNINGS
) -> Iterator[IdleConnections]:
    """Keep so many connections open in a thread, until the block ends."""
    is_over = Event()

    def keep_full() -> None:
        while not is_over.wait(0.2):
            with suppress(OSError):
                connections.fill()

    with IdleConnections(port, beginnings) as connections, ThreadPoolExecutor(1) as pool:
        connections.fill()
        filling = pool.submit(keep_full)
        try:
            yield connections
        finally:
            is_over.set()
            filling.result()


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
    usual = p95(times_of(client, api.port, intensity.idle_seconds / 2))
    log_before = api.log.stat().st_size
    with idle_connections(api.port) as connections:
        loaded = p95(times_of(client, api.port, intensity.idle_seconds))
    assert loaded <= 2 * usual + 0.05
    assert api.log.stat().st_size - log_before <= MIB
    assert connections.closed > 0
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
