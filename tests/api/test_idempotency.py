"""A request that is repeated with its idempotency key is executed once."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text, update

from services.api.app import create_app
from shared.access.rules import CallerKind
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
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL

BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
SHARED = {"products": ["studentFeedback"], "until": TOMORROW, "purpose": "Tests"}

pytestmark = pytest.mark.usefixtures("no_jobs", "no_windows")


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": f'"{key}"'}


def content_of(response: httpx.Response) -> tuple[int, str, bytes]:
    return response.status_code, response.headers["Location"], response.content


def problem_of(problem: httpx.Response) -> tuple[int, str]:
    return problem.status_code, problem.json()["type"].rpartition(":")[2]


def count_jobs(sessions: Sessions) -> int:
    with UnitOfWork(sessions) as unit:
        query = select(func.count()).select_from(Job).where(Job.subject != "seeded")
        return unit.session.scalar(query) or 0


@pytest.mark.parametrize(
    ("path", "body", "other_body"),
    [
        ("/v1/jobs", BUILD, BUILD | {"force": True}),
        ("/v1/mandates", SHARED, SHARED | {"purpose": "Another"}),
    ],
)
def test_a_repeated_request_gets_the_stored_response(
    callers: Callers,
    sessions: Sessions,
    path: str,
    body: dict[str, Any],
    other_body: dict[str, Any],
) -> None:
    is_of_school = path == "/v1/mandates"
    if is_of_school:
        client_id = register_client(sessions, callers.url, ClientKind.INTEGRATOR).id
        body, other_body = ({**one, "clientId": client_id} for one in (body, other_body))
    kind, school = (CallerKind.SCHOOL, SCHOOL) if is_of_school else (CallerKind.OPERATOR, None)
    client = callers.client(callers.token(kind, school))
    first = client.post(path, json=body, headers=keyed("first"))
    assert first.is_success, first.text
    if path == "/v1/jobs":
        client.post(f"{first.headers['Location']}/cancel")
    for headers in (keyed("first"), {"Idempotency-Key": "first"}):
        repeated = client.post(path, json=body, headers=headers)
        assert content_of(repeated) == content_of(first)
        assert repeated.headers["Content-Type"] == first.headers["Content-Type"]
    reused = client.post(path, json=other_body, headers=keyed("first"))
    assert problem_of(reused) == (422, "idempotencyKeyReused")
    if is_of_school:
        of_other_school = callers.school(OTHER).post(path, json=body, headers=keyed("first"))
        assert of_other_school.status_code == 201
        assert of_other_school.headers["Location"] != first.headers["Location"]


def test_a_malformed_key_is_rejected(operator: httpx.Client, sessions: Sessions) -> None:
    for key in ("", '"', "two words", "x" * 129):
        response = operator.post("/v1/jobs", json=BUILD, headers={"Idempotency-Key": key})
        assert response.status_code == 400, key
    assert count_jobs(sessions) == 0


def test_the_response_of_a_rejected_request_is_not_stored(
    operator: httpx.Client, sessions: Sessions
) -> None:
    build = operator.post("/v1/jobs", json=BUILD).headers["Location"]
    retry = (f"{build}/retry", keyed("retry"))
    assert problem_of(operator.post(retry[0], headers=retry[1])) == (409, "jobActive")
    job_id = UUID(build.rpartition("/")[2])
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(JobItem).where(JobItem.job_id == job_id).values(state="failed"))
        end_when_complete(unit.session, job_id)
    first, repeated = (operator.post(retry[0], headers=retry[1]) for _ in range(2))
    assert first.status_code == 202
    assert content_of(repeated) == content_of(first)
    other_job = f"{first.headers['Location']}/retry"
    assert problem_of(operator.post(other_job, headers=retry[1])) == (422, "idempotencyKeyReused")


@contextmanager
def jobs_locked(sessions: Sessions) -> Iterator[None]:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("lock table jobs"))
        yield


def test_a_repetition_during_the_first_request_is_a_conflict(
    operator: httpx.Client, sessions: Sessions
) -> None:
    def create_job() -> httpx.Response:
        return operator.post("/v1/jobs", json=BUILD, headers=keyed("slow"))

    with ThreadPoolExecutor(1) as pool:
        with jobs_locked(sessions):
            first = pool.submit(create_job)
            wait_for_a_locked_key(sessions)
            assert problem_of(create_job()) == (409, "requestInFlight")
        assert content_of(first.result()) == content_of(create_job())


def wait_for_a_locked_key(sessions: Sessions) -> None:
    deadline = time.monotonic() + 10
    advisory_lock = text(
        "select true from pg_locks join pg_database on pg_database.oid = database"
        " where datname = current_database() and locktype = 'advisory'"
    )
    while True:
        with UnitOfWork(sessions) as unit:
            if unit.session.scalar(advisory_lock):
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_failed_request_stores_nothing_and_can_be_repeated(
    api_settings: Settings, callers: Callers, sessions: Sessions
) -> None:
    token = callers.token(CallerKind.OPERATOR)
    app: FastAPI = create_app(api_settings)
    with serve(app) as url, httpx.Client(base_url=url, auth=callers.auth(token)) as operator:
        operator.get("/health")  # the schema is compared at the first connection
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("alter table stored_responses rename to responses_away"))
        try:
            failed = operator.post("/v1/jobs", json=BUILD, headers=keyed("broken"))
        finally:
            with UnitOfWork(sessions) as unit:
                unit.session.execute(text("alter table responses_away rename to stored_responses"))
        assert (failed.status_code, count_jobs(sessions)) == (500, 0)
        again = operator.post("/v1/jobs", json=BUILD, headers=keyed("broken"))
        assert again.status_code == 202
    assert count_jobs(sessions) == 1


def test_a_repeated_delivery_is_stored_once(
    operator: httpx.Client, sessions: Sessions, storage: Storage
) -> None:
    def submit(content: bytes) -> httpx.Response:
        headers = keyed("delivery") | {"Content-Type": "application/zip"}
        return operator.post("/v1/deliveries", content=content, headers=headers)

    def deliveries() -> int:
        with UnitOfWork(sessions) as unit:
            return unit.session.scalar(select(func.count()).select_from(Delivery)) or 0

    before = deliveries()
    first = submit(b"PK the same")
    assert content_of(submit(b"PK the same")) == content_of(first)
    assert problem_of(submit(b"PK another")) == (422, "idempotencyKeyReused")
    assert deliveries() == before + 1
    assert len(list(storage.keys("deliveries"))) == 1


@pytest.mark.parametrize(("concurrent", "headers"), [(200, {}), (40, keyed("at-once"))])
def test_concurrent_identical_requests_create_one_job(
    callers: Callers, sessions: Sessions, concurrent: int, headers: dict[str, str]
) -> None:
    token = callers.token(CallerKind.OPERATOR)

    async def create_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=concurrent)
        async with httpx.AsyncClient(
            base_url=callers.url,
            headers=headers,
            limits=limits,
            timeout=60,
            auth=callers.auth(token),
        ) as client:
            requests = (client.post("/v1/jobs", json=BUILD) for _ in range(concurrent))
            return await asyncio.gather(*requests)

    responses = asyncio.run(create_all())
    accepted = [response for response in responses if response.status_code == 202]
    rejected = [response for response in responses if response.status_code != 202]
    assert {response.headers["Location"] for response in accepted} == {
        accepted[0].headers["Location"]
    }
    assert count_jobs(sessions) == 1
    if headers:
        assert {content_of(response) for response in accepted} == {content_of(accepted[0])}
        assert {problem_of(response) for response in rejected} <= {(409, "requestInFlight")}
    else:
        assert rejected == []
