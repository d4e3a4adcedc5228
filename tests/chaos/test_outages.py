"""What is away, and how: no request waits longer than its deadline, and all ends well."""

import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from embedded.running_instance import STORAGE_URL
from shared.documents.models import Document
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import ADMINISTRATION, Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent
from tests.chaos.loop_disk import NEEDS, can_mount, loop_disk
from tests.chaos.outages import (
    REQUEST_SECONDS,
    AnyOutages,
    DiskOutages,
    Outages,
    Waits,
    outages_of,
)
from tests.chaos.server_faults import (
    DISK,
    FROZEN,
    FULL,
    NO_DISK,
    NO_WAL,
    POSTGRESQL,
    READ_ONLY,
    REDIS,
    STORE,
)
from tests.chaos.tcp_proxy import HALF_OPEN, REFUSES, RESETS, SILENT, SLOW

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.timeout(400),
]

NETWORK_FAULTS = (REFUSES, RESETS, SILENT, HALF_OPEN, SLOW)
CELLS = [
    *((server, fault) for server in (POSTGRESQL, REDIS, STORE) for fault in NETWORK_FAULTS),
    *((POSTGRESQL, fault) for fault in (FROZEN, READ_ONLY, NO_DISK, NO_WAL)),
    *((REDIS, fault) for fault in (FROZEN, FULL, READ_ONLY, NO_DISK)),
    *((STORE, fault) for fault in (FULL, READ_ONLY)),
    *((DISK, fault) for fault in (SILENT, FULL, READ_ONLY)),
]
SHORT = {(POSTGRESQL, SILENT), (REDIS, READ_ONLY), (STORE, SILENT)}
SHORT_STOPS = {(POSTGRESQL, READ_ONLY), (STORE, SILENT)}
NEED_ROOT = {
    (POSTGRESQL, NO_DISK),
    (POSTGRESQL, NO_WAL),
    *(cell for cell in CELLS if cell[0] == DISK),
}
"""Only root can mount a disk."""
CANNOT_STOP = {(DISK, SILENT)}
"""The kernel ends no process that waits for a device."""

HEALTH_SECONDS = 1.0
NOISE_SECONDS = 2.0
"""What a loaded machine may add."""
INTERVAL_SECONDS = 0.5
"""How late a wait may notice its deadline."""
MAX_OUTAGE_SECONDS = 20.0
RECOVERY_SECONDS = 30.0
STOP_SECONDS = 25.0
DISK_MEBIBYTES = 1024
BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION, "force": True}
COLUMNS = ("list", "download", "health", "build", "upload")
READS = {"list", "download"}


def parameters(short: set[tuple[str, str]], without: set[tuple[str, str]]) -> list[Any]:
    """Return the cells as parameters of a test, most of them for the long form."""
    marks = {
        cell: [
            *([] if cell in short else [pytest.mark.chaos_long]),
            *([pytest.mark.skipif(not can_mount(), reason=NEEDS)] if cell in NEED_ROOT else []),
        ]
        for cell in CELLS
        if cell not in without
    }
    return [pytest.param(*cell, id=" ".join(cell), marks=marks[cell]) for cell in marks]


@pytest.fixture(scope="module")
def server_outages(running_deployment: Deployment, s3_endpoint: str) -> Iterator[Outages]:
    running_deployment.recover()
    with outages_of(running_deployment, s3_endpoint) as outages:
        yield outages


@pytest.fixture
def disk_outages(server_outages: Outages) -> Iterator[DiskOutages]:
    deployment = server_outages.deployment
    with loop_disk(DISK_MEBIBYTES) as disk:
        environment = {STORAGE_URL: (disk.mount_point / "objects").as_uri()}
        with deployment.restarted_with(environment):
            yield DiskOutages(deployment, disk)


@pytest.fixture
def outages(request: pytest.FixtureRequest, server: str, deployment: Deployment) -> AnyOutages:
    assert deployment.api.is_alive()
    outages: AnyOutages = request.getfixturevalue(
        "disk_outages" if server == DISK else "server_outages"
    )
    return outages


def start_work(operator: httpx.Client, deployment: Deployment, delivery: bytes) -> Document:
    """Start a build and an import, and return the first document of the build."""
    assert operator.post("/v1/jobs", json=BUILD).status_code == httpx.codes.ACCEPTED
    assert upload(operator, delivery).status_code == httpx.codes.ACCEPTED
    found: list[Document] = []

    def is_found() -> bool:
        with deployment.unit_of_work() as unit:
            found.extend(unit.session.scalars(select(Document).limit(1)))
        return bool(found)

    deployment.wait_until(is_found)
    return found[0]


def upload(client: httpx.Client, delivery: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/zip"}
    return client.post("/v1/deliveries", content=delivery, headers=headers)


def repeat(waits: Waits, kind: str, client: httpx.Client, path: str, ends_at: float) -> None:
    while time.monotonic() < ends_at:
        response = waits.measure(kind, lambda: client.get(path))
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE and kind in READS:
            assert int(response.headers["Retry-After"]) > 0
        time.sleep(0.1)


def request_all(
    waits: Waits,
    operator: httpx.Client,
    school: httpx.Client,
    document: Document,
    delivery: bytes,
    seconds: float,
) -> None:
    """Send requests of every kind at the same time, those that read again and again."""
    ends_at = time.monotonic() + seconds
    content = f"/v1/documents/{document.id}/content"
    with ThreadPoolExecutor(len(COLUMNS)) as pool:
        requests: list[Future[Any]] = [
            pool.submit(repeat, waits, "list", operator, "/v1/jobs", ends_at),
            pool.submit(repeat, waits, "download", school, content, ends_at),
            pool.submit(repeat, waits, "health", operator, "/health", ends_at),
            pool.submit(waits.measure, "build", lambda: operator.post("/v1/jobs", json=BUILD)),
            pool.submit(waits.measure, "upload", lambda: upload(operator, delivery)),
        ]
        for request in requests:
            request.result()


def recovery_time(operator: httpx.Client, deployment: Deployment, waits: Waits) -> float:
    """Wait until the health is good, a build is accepted and work is done; return the seconds."""
    started, done = time.monotonic(), deployment.items("done")
    deployment.wait_until(lambda: operator.get("/health").json()["status"] == "UP")
    if httpx.codes.ACCEPTED not in waits.statuses["build"]:
        deployment.wait_until(
            lambda: operator.post("/v1/jobs", json=BUILD).status_code == httpx.codes.ACCEPTED
        )
    deployment.wait_until(
        lambda: deployment.items("done") > done or not deployment.items("queued", "running")
    )
    return time.monotonic() - started


@pytest.mark.parametrize(("server", "fault"), parameters(SHORT, without=set()))
def test_no_request_waits_longer_than_its_deadline(
    outages: AnyOutages,
    deployment: Deployment,
    reference: DocumentHashes,
    delivery: bytes,
    intensity: Intensity,
    server: str,
    fault: str,
) -> None:
    waits, seconds = Waits(), min(2 * intensity.stopped_seconds, MAX_OUTAGE_SECONDS)
    with deployment.operator() as operator:
        document = start_work(operator, deployment, delivery)
        with deployment.school(document.school_id) as school, outages.outage(server, fault):
            request_all(waits, operator, school, document, delivery, seconds)
        recovered = recovery_time(operator, deployment, waits)
    assert_consistent(deployment, reference)
    cells = " | ".join(waits.cell(kind) for kind in COLUMNS)
    sys.stdout.write(f"\n| {server} | {fault} | {cells} | {recovered:.1f} |\n")
    noise = NOISE_SECONDS if intensity.noise_seconds else 0.0
    assert waits.longest["health"] < HEALTH_SECONDS + noise
    assert max(waits.longest.values()) < REQUEST_SECONDS + INTERVAL_SECONDS + noise, waits.longest
    assert set().union(*waits.statuses.values()) <= {200, 202, 503}
    if server is not POSTGRESQL:
        assert waits.statuses["list"] == {200}
        assert waits.statuses["health"] == {200}
    assert recovered < RECOVERY_SECONDS * (3 if intensity.noise_seconds else 1)


@pytest.mark.parametrize(("server", "fault"), parameters(SHORT_STOPS, without=CANNOT_STOP))
def test_processes_stop_while_a_server_is_away(
    outages: AnyOutages,
    deployment: Deployment,
    reference: DocumentHashes,
    delivery: bytes,
    server: str,
    fault: str,
) -> None:
    stopping = [deployment.api, *deployment.workers]
    with deployment.operator() as operator:
        start_work(operator, deployment, delivery)
    with outages.outage(server, fault):
        time.sleep(1)  # so that the workers have asked
        started = time.monotonic()
        deployment.send(signal.SIGTERM, *stopping)
        deployment.wait_until(lambda: not any(process.is_alive() for process in stopping))
        seconds = time.monotonic() - started
    sys.stdout.write(f"\n| {server} | {fault} | stop {seconds:.1f} |\n")
    assert {process.exit_code for process in stopping} <= {0, -signal.SIGTERM}
    assert seconds < STOP_SECONDS
    deployment.recover()
    assert_consistent(deployment, reference)
