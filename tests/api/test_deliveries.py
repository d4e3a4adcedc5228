import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import ProgrammingError

from clients.python.proofs import ProofKey
from services.api.app import create_app
from services.api.resources import MAX_CONCURRENT_UPLOADS
from shared.access.rules import CallerKind
from shared.audit.models import AuditEvent
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.jobs.models import Job, JobItem
from shared.jobs.service import end_when_complete
from shared.oauth.clients.rules import ClientKind
from shared.storage.store import Storage
from tests.api.conftest import Callers, serve
from tests.api.oauth_clients import register_client
from tests.flushes import Flushes

DELIVERIES = "/v1/deliveries"
ZIP = {"Content-Type": "application/zip"}
LIMIT, LENGTH = 24_000_000, 20_000_000
WAIT_SECONDS = 30

pytestmark = pytest.mark.usefixtures("no_jobs")


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"api_max_upload_bytes": LIMIT})


def stored_keys(storage: Storage) -> list[str]:
    return list(storage.keys("deliveries"))


@pytest.fixture(autouse=True)
def _empty_storage(storage: Storage) -> None:
    storage.delete(stored_keys(storage))


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1000):
        yield b"x" * 1000


def test_an_upload_is_stored_and_becomes_a_delivery_with_a_job(
    operator: httpx.Client, storage: Storage, sessions: Sessions
) -> None:
    response = operator.post(DELIVERIES, content=chunks(2_000_000), headers=ZIP)
    assert response.status_code == 202, response.text
    job = response.json()
    assert response.headers["Location"] == job["href"]
    assert (job["kind"], job["counts"]["queued"]) == ("deliveries.apply", 1)
    (key,) = stored_keys(storage)
    assert sum(map(len, storage.stream(key))) == 2_000_000
    with UnitOfWork(sessions) as unit:
        delivery = unit.session.get_one(Delivery, UUID(job["subject"]))
        item = unit.session.scalars(select(JobItem).where(JobItem.job_id == UUID(job["id"]))).one()
        lane = unit.session.get_one(Job, item.job_id).lane
    assert (delivery.storage_key, delivery.status) == (key, "received")
    assert (item.subject, lane, delivery.received_from) == (job["subject"], "bulk", "a operator")


def test_an_upload_is_flushed_before_it_is_accepted(
    operator: httpx.Client, storage: Storage, flushes: Flushes
) -> None:
    assert operator.post(DELIVERIES, content=b"PK", headers=ZIP).status_code == 202
    (key,) = stored_keys(storage)
    assert any(path.endswith(key) for path in flushes.paths)
    assert any(path.endswith("/deliveries") for path in flushes.paths)


def test_a_delivery_can_be_read_as_soon_as_it_is_stored(
    operator: httpx.Client, sessions: Sessions
) -> None:
    job = operator.post(DELIVERIES, content=b"PK", headers=ZIP).json()
    delivery = operator.get(f"{DELIVERIES}/{job['subject']}").json()
    assert (delivery["status"], delivery["report"]) == ("received", {})
    assert "administrationId" not in delivery
    with UnitOfWork(sessions) as unit:
        applied = update(Delivery).where(Delivery.id == UUID(job["subject"]))
        unit.session.execute(applied.values(status="applied", report={"rows": {"students.csv": 3}}))
        unit.session.execute(
            update(JobItem).where(JobItem.subject == job["subject"]).values(state="done")
        )
        end_when_complete(unit.session, UUID(job["id"]))
    for path in (job["href"], f"{job['href']}/result"):
        done = operator.get(path)
        assert (done.status_code, done.headers["Location"]) == (303, delivery["href"])
    report = operator.get(done.headers["Location"]).json()
    assert (report["status"], report["report"]) == ("applied", {"rows": {"students.csv": 3}})


def test_upload_of_a_cancelled_delivery_is_deleted(
    operator: httpx.Client, storage: Storage
) -> None:
    zip_type = {"Content-Type": "application/zip"}
    created = operator.post("/v1/deliveries", content=b"PK", headers=zip_type)
    assert created.status_code == 202
    assert len(stored_keys(storage)) == 1
    cancelled = operator.post(f"{created.json()['href']}/cancel")
    assert cancelled.status_code == 200
    assert stored_keys(storage) == []


def test_submission_and_cancellation_are_in_the_log_without_a_school(
    operator: httpx.Client, sessions: Sessions
) -> None:
    created = operator.post(DELIVERIES, content=b"PK", headers=ZIP).json()
    operator.post(f"{created['href']}/cancel")

    with UnitOfWork(sessions) as unit:
        events = unit.session.scalars(
            select(AuditEvent)
            .where(AuditEvent.resource == f"{DELIVERIES}/{created['subject']}")
            .order_by(AuditEvent.id)
        ).all()
        assert [(event.action, event.client, event.organisation) for event in events] == [
            ("createDelivery", "a operator", None),
            ("cancelJob", "a operator", None),
        ]


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_too_large_upload_stores_nothing(
    operator: httpx.Client, storage: Storage, *, is_declared: bool
) -> None:
    size = LIMIT + 2_000_000
    content = b"x" * size if is_declared else chunks(size)
    response = operator.post(DELIVERIES, content=content, headers=ZIP)
    assert response.status_code == 413
    assert response.headers["Content-Type"] == "application/problem+json"
    assert stored_keys(storage) == []


def test_only_a_zip_is_accepted(operator: httpx.Client, storage: Storage) -> None:
    response = operator.post(DELIVERIES, json={"a": 1})
    assert response.status_code == 415
    assert response.headers["Accept"] == "application/zip"
    assert stored_keys(storage) == []


def test_only_operators_submit_deliveries(
    school: httpx.Client, integrator: httpx.Client, unauthenticated: httpx.Client, storage: Storage
) -> None:
    responses = [
        c.post(DELIVERIES, content=b"PK", headers=ZIP)
        for c in (school, integrator, unauthenticated)
    ]
    assert [response.status_code for response in responses] == [403, 403, 401]
    assert school.get(f"{DELIVERIES}/{uuid4()}").status_code == 403
    assert stored_keys(storage) == []


def test_an_unknown_delivery_is_not_found(operator: httpx.Client) -> None:
    assert operator.get(f"{DELIVERIES}/{uuid4()}").status_code == 404


@contextmanager
def partial_upload(
    callers: Callers, token: str, sent: int = 1000, key: ProofKey | None = None
) -> Iterator[socket.socket]:
    """Start an upload and send its first part only."""
    address = httpx.URL(callers.url)
    headers = callers.headers(token, "POST", callers.url + DELIVERIES, key)
    shown = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {DELIVERIES} HTTP/1.1\r\nHost: x\r\n{shown}"
        f"Content-Type: application/zip\r\nContent-Length: {LENGTH}\r\n\r\n"
    )
    with socket.create_connection(
        (address.host, address.port or 80), timeout=WAIT_SECONDS
    ) as upload:
        upload.sendall(head.encode() + b"x" * sent)
        yield upload


def test_an_interrupted_upload_stores_nothing(
    callers: Callers, sessions: Sessions, storage: Storage, settings: Settings
) -> None:
    token = callers.token(CallerKind.OPERATOR)
    directory = Path(settings.storage_url.removeprefix("file://")) / "deliveries"
    with UnitOfWork(sessions) as unit:
        before = unit.session.scalar(select(func.count()).select_from(Delivery))
    with partial_upload(callers, token, 12_000_000):
        wait_until(lambda: any(directory.iterdir()))
        assert open_transactions(sessions) == 0
    wait_until(lambda: not any(directory.iterdir()))
    with UnitOfWork(sessions) as unit:
        after = unit.session.scalar(select(func.count()).select_from(Delivery))
    assert after == before
    assert stored_keys(storage) == []


def test_slow_uploads_do_not_block_other_requests(
    callers: Callers, operator: httpx.Client, settings: Settings, storage: Storage
) -> None:
    token = callers.token(CallerKind.OPERATOR)
    with ExitStack() as uploads:
        for _ in range(settings.database_pool_size + 1):
            uploads.enter_context(partial_upload(callers, token))
        time.sleep(0.5)
        assert operator.get("/v1/jobs", timeout=5).status_code == 200
    assert operator.get("/v1/jobs", timeout=5).status_code == 200
    assert stored_keys(storage) == []


def test_uploads_over_the_limit_are_rejected_until_others_end(
    callers: Callers, operator: httpx.Client
) -> None:
    """A pending upload takes a place unless all are taken, so that adding more takes them all."""

    def status() -> int:
        return operator.post(DELIVERIES, content=b"PK", headers=ZIP).status_code

    token = callers.token(CallerKind.OPERATOR)
    with ExitStack() as uploads:

        def is_rejected_with_one_more_pending() -> bool:
            uploads.enter_context(partial_upload(callers, token))
            return status() == 503

        for _ in range(MAX_CONCURRENT_UPLOADS):
            uploads.enter_context(partial_upload(callers, token))
        wait_until(is_rejected_with_one_more_pending)
    wait_until(lambda: status() == 202)


@pytest.mark.parametrize("is_suspended", [True, False])
def test_an_upload_is_rejected_when_its_token_is_revoked_meanwhile(
    callers: Callers,
    operator: httpx.Client,
    sessions: Sessions,
    settings: Settings,
    storage: Storage,
    *,
    is_suspended: bool,
) -> None:
    steunpunt = register_client(sessions, callers.url, ClientKind.OPERATOR)
    token, sent = steunpunt.token(), 12_000_000
    directory = Path(settings.storage_url.removeprefix("file://")) / "deliveries"
    with partial_upload(callers, token, sent, steunpunt.proofs) as upload:
        wait_until(lambda: any(directory.iterdir()))
        if is_suspended:
            operator.patch(f"/v1/clients/{steunpunt.id}", json={"state": "suspended"})
        else:
            steunpunt.post("/oauth2/revoke", token=token)
        upload.sendall(b"x" * (LENGTH - sent))
        assert upload.recv(20).startswith(b"HTTP/1.1 401 ")
    assert stored_keys(storage) == []


def open_transactions(sessions: Sessions) -> int:
    """Return the number of open, idle transactions of the API."""
    query = text(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'toetsfeedback-api' and state like 'idle in transaction%'"
    )
    with UnitOfWork(sessions) as unit:
        return unit.session.scalar(query) or 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_upload_whose_rows_cannot_be_written_stores_nothing(
    api_settings: Settings, callers: Callers, sessions: Sessions, storage: Storage
) -> None:
    app: FastAPI = create_app(api_settings)
    token = callers.token(CallerKind.OPERATOR)
    with serve(app) as url:
        httpx.get(f"{url}/health")  # the schema is compared at the first connection
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("alter table job_items rename to job_items_away"))
        try:
            headers = ZIP | callers.headers(token, "POST", url + DELIVERIES)
            response = httpx.post(url + DELIVERIES, content=b"PK", headers=headers)
        finally:
            with UnitOfWork(sessions) as unit:
                unit.session.execute(text("alter table job_items_away rename to job_items"))
    assert response.status_code == 500
    assert stored_keys(storage) == []
    assert ProgrammingError.__name__ not in response.text
