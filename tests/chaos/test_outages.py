"""What is away, and how: no request waits longer than its deadline, and all ends well."""

import io
import signal
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.chaos.conftest import Intensity
from tests.chaos.deployment import ADMINISTRATION, Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent
from tests.chaos.outages import (
    FULL,
    NO_DISK,
    POSTGRESQL,
    READ_ONLY,
    REDIS,
    REQUEST_SECONDS,
    STORE,
    Outages,
    Waits,
    outages_of,
)
from tests.chaos.tcp_proxy import HALF_OPEN, REFUSES, RESETS, SILENT, SLOW

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.timeout(400),
]

SHORT = [
    (POSTGRESQL, SILENT),
    (POSTGRESQL, HALF_OPEN),
    (REDIS, SILENT),
    (REDIS, FULL),
    (REDIS, READ_ONLY),
    (STORE, SILENT),
]
LONG = [
    *(
        (server, fault)
        for server in (POSTGRESQL, REDIS, STORE)
        for fault in (REFUSES, RESETS, SLOW)
    ),
    (POSTGRESQL, READ_ONLY),
    (REDIS, HALF_OPEN),
    (REDIS, NO_DISK),
    (STORE, HALF_OPEN),
]
CELLS = [
    *(pytest.param(*cell, id=" ".join(cell)) for cell in SHORT),
    *(pytest.param(*cell, id=" ".join(cell), marks=pytest.mark.chaos_long) for cell in LONG),
]
HEALTH_SECONDS = 1.0
NOISE_SECONDS = 2.0
"""What a loaded machine may add."""
INTERVAL_SECONDS = 0.5
"""How late a wait may notice its deadline."""
MAX_OUTAGE_SECONDS = 20.0
RECOVERY_SECONDS = 30.0
STOP_SECONDS = 25.0
BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION, "force": True}


@pytest.fixture(scope="module")
def outages(running_deployment: Deployment, s3_endpoint: str) -> Iterator[Outages]:
    running_deployment.recover()
    with outages_of(running_deployment, s3_endpoint) as outages:
        yield outages


@pytest.fixture
def delivery(deployment: Deployment) -> bytes:
    """Return the delivery that is imported already, as a ZIP: importing it changes nothing."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((deployment.data.path / "delivery").iterdir()):
            archive.write(path, path.name)
    return body.getvalue()


@pytest.mark.parametrize(("server", "fault"), CELLS)
def test_no_request_waits_longer_than_its_deadline(
    outages: Outages,
    deployment: Deployment,
    reference: DocumentHashes,
    delivery: bytes,
    intensity: Intensity,
    server: str,
    fault: str,
) -> None:
    waits = Waits()
    with deployment.operator() as client:
        waits.measure("first", lambda: client.get("/v1/jobs"))  # connections that an outage breaks
        with outages.outage(server, fault), ThreadPoolExecutor(4) as pool:
            ends_at = time.monotonic() + min(2 * intensity.stopped_seconds, MAX_OUTAGE_SECONDS)
            requests: list[Future[Any]] = [
                pool.submit(_repeat, waits, "read", client, "/v1/jobs", ends_at),
                pool.submit(_repeat, waits, "health", client, "/health", ends_at),
                pool.submit(waits.measure, "build", lambda: client.post("/v1/jobs", json=BUILD)),
                pool.submit(waits.measure, "upload", lambda: _upload(client, delivery)),
            ]
            for request in requests:
                request.result()
        ended_at, done = time.monotonic(), deployment.items("done")
        deployment.wait_until(lambda: client.get("/health").json()["status"] == "UP")
        if httpx.codes.ACCEPTED not in waits.statuses["build"]:
            deployment.wait_until(
                lambda: client.post("/v1/jobs", json=BUILD).status_code == httpx.codes.ACCEPTED
            )
        deployment.wait_until(
            lambda: deployment.items("done") > done or not deployment.items("queued", "running")
        )
        recovered = time.monotonic() - ended_at
    assert_consistent(deployment, reference)
    _print_row(server, fault, waits, recovered)
    noise = NOISE_SECONDS if intensity.noise_seconds else 0.0
    assert waits.longest["health"] < HEALTH_SECONDS + noise
    assert max(waits.longest.values()) < REQUEST_SECONDS + INTERVAL_SECONDS + noise, waits.longest
    assert set().union(*waits.statuses.values()) <= {200, 202, 503}
    if server is not POSTGRESQL:
        assert waits.statuses["read"] == {200}
        assert waits.statuses["health"] == {200}
    assert recovered < RECOVERY_SECONDS * (3 if intensity.noise_seconds else 1)


@pytest.mark.parametrize("server", [POSTGRESQL, REDIS, STORE])
def test_processes_stop_while_a_server_is_silent(
    outages: Outages, deployment: Deployment, server: str
) -> None:
    stopping = [deployment.api, *deployment.workers]
    with outages.outage(server, SILENT):
        time.sleep(1)  # so that the workers have asked
        started = time.monotonic()
        deployment.send(signal.SIGTERM, *stopping)
        deployment.wait_until(lambda: not any(process.is_alive() for process in stopping))
        seconds = time.monotonic() - started
    sys.stdout.write(f"\n| {server} | {SILENT} | stop {seconds:.1f} |\n")
    assert {process.exit_code for process in stopping} <= {0, -signal.SIGTERM}
    assert seconds < STOP_SECONDS
    deployment.recover()


def _repeat(waits: Waits, kind: str, client: httpx.Client, path: str, ends_at: float) -> None:
    while time.monotonic() < ends_at:
        response = waits.measure(kind, lambda: client.get(path))
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE and kind == "read":
            assert int(response.headers["Retry-After"]) > 0
        time.sleep(0.1)


def _upload(client: httpx.Client, delivery: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/zip"}
    return client.post("/v1/deliveries", content=delivery, headers=headers)


def _print_row(server: str, fault: str, waits: Waits, recovered: float) -> None:
    """Print a row of the table in decision 49; `pytest -s` shows it."""
    cells = [
        f"{'/'.join(map(str, sorted(waits.statuses[kind])))} in {waits.longest[kind]:.1f}"
        for kind in ("read", "health", "build", "upload")
    ]
    sys.stdout.write(f"\n| {server} | {fault} | {' | '.join(cells)} | {recovered:.1f} |\n")
