"""An object store that accepts connections and says nothing."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from services.api.app import create_app
from shared.access.rules import CallerKind
from shared.core.settings import Settings
from shared.oauth.tokens import TokenAuthority
from tests.api.conftest import Callers, serve
from tests.api.problem_details import BELGIF, problem
from tests.api.seeding import SCHOOL, Seeded
from tests.storage.s3_server import CREDENTIALS

REQUEST_SECONDS = 3.0
NOISE_SECONDS = 4.0
"""What a loaded machine may add; without a deadline it took 20 seconds."""
ZIP = {"Content-Type": "application/zip"}

pytestmark = pytest.mark.usefixtures("open_now")


@pytest.fixture
def silent_app(api_settings: Settings) -> Iterator[FastAPI]:
    """Return an API with a short deadline and a store that never responds."""
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as store:
        endpoint = f"http://127.0.0.1:{store.getsockname()[1]}"
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}).items():
            patch.setenv(name, value)
        changes = {"storage_url": "s3://bucket/x", "api_request_seconds": REQUEST_SECONDS}
        yield create_app(api_settings.model_copy(update=changes))


@pytest.fixture
def url(silent_app: FastAPI, seeded: Seeded) -> Iterator[str]:  # noqa: ARG001  # rows to serve
    with serve(silent_app) as address:
        yield address


@pytest.fixture
def callers(url: str, authority: TokenAuthority) -> Iterator[Callers]:
    callers = Callers(url, authority)
    yield callers
    callers.close()


def assert_unavailable(response: httpx.Response, started: float) -> None:
    assert time.monotonic() - started < REQUEST_SECONDS + NOISE_SECONDS
    assert response.status_code == 503
    assert problem(response)["type"] == f"{BELGIF}serviceUnavailable"
    assert int(response.headers["Retry-After"]) > 0


def test_download_is_unavailable_in_time_and_lists_are_not(
    callers: Callers, seeded: Seeded
) -> None:
    school = callers.client(callers.token(CallerKind.SCHOOL, SCHOOL))
    assert school.get(f"/v1/schools/{SCHOOL}/documents").status_code == 200
    started = time.monotonic()
    assert_unavailable(school.get(f"/v1/documents/{seeded.documents['print']}/content"), started)


@pytest.mark.parametrize("size", [100_000, 30_000_000])
def test_upload_is_unavailable_in_time(callers: Callers, size: int) -> None:
    operator = callers.client(callers.token(CallerKind.OPERATOR))
    assert operator.get("/v1/jobs").status_code == 200
    started = time.monotonic()
    assert_unavailable(operator.post("/v1/deliveries", content=bytes(size), headers=ZIP), started)


def test_health_names_the_store_within_a_second(callers: Callers) -> None:
    client, responses = callers.client(), []
    for _ in range(6):
        started = time.monotonic()
        responses.append(client.get("/health").json())
        assert time.monotonic() - started < 1 + NOISE_SECONDS
        assert client.get("/health/ready").status_code == 200
        time.sleep(0.3)
    assert responses[-1]["status"] == "DEGRADED"
    assert responses[-1]["details"]["objectStore"]["reason"] == "does not respond"
    assert responses[-1]["details"]["database"]["status"] == "UP"
