"""A request sent again with its key does nothing twice, whatever happened to the first."""

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
from tests.api.conftest import Callers, serving
from tests.api.oauth_clients import registered
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL

BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
SHARED = {"products": ["studentFeedback"], "until": TOMORROW, "purpose": "Tests"}
WINDOW = {"administrationId": ADMINISTRATION}

pytestmark = pytest.mark.usefixtures("no_jobs", "no_windows")


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": f'"{key}"'}


def what_was_said(answer: httpx.Response) -> tuple[int, str, bytes]:
    return answer.status_code, answer.headers["Location"], answer.content


def kind_of(problem: httpx.Response) -> tuple[int, str]:
    return problem.status_code, problem.json()["type"].rpartition(":")[2]


def jobs(sessions: Sessions) -> int:
    with UnitOfWork(sessions) as unit:
        query = select(func.count()).select_from(Job).where(Job.subject != "seeded")
        return unit.session.scalar(query) or 0


@pytest.mark.parametrize(
    ("path", "body", "other_body"),
    [
        ("/v1/jobs", BUILD, BUILD | {"force": True}),
        ("/v1/releaseWindows", WINDOW, WINDOW | {"never": True}),
        ("/v1/mandates", SHARED, SHARED | {"purpose": "Another"}),
    ],
)
def test_what_was_created_once_is_answered_again(
    callers: Callers,
    sessions: Sessions,
    path: str,
    body: dict[str, Any],
    other_body: dict[str, Any],
) -> None:
    is_of_schools = path == "/v1/mandates"
    if is_of_schools:
        client_id = registered(sessions, callers.url, ClientKind.INTEGRATOR).id
        body, other_body = ({**one, "clientId": client_id} for one in (body, other_body))
    kind, school = (CallerKind.SCHOOL, SCHOOL) if is_of_schools else (CallerKind.OPERATOR, None)
    client = callers.client(callers.token(kind, school))
    first = client.post(path, json=body, headers=keyed("first"))
    assert first.is_success, first.text
    if path == "/v1/jobs":
        client.post(f"{first.headers['Location']}/cancel")
    for same in (keyed("first"), {"Idempotency-Key": "first"}):
        again = client.post(path, json=body, headers=same)
        assert what_was_said(again) == what_was_said(first)
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
    reused = client.post(path, json=other_body, headers=keyed("first"))
    assert kind_of(reused) == (422, "idempotencyKeyReused")
    if is_of_schools:
        others = callers.school(OTHER).post(path, json=body, headers=keyed("first"))
        assert others.status_code == 201
        assert others.headers["Location"] != first.headers["Location"]


def test_a_key_of_no_form_is_refused(operator: httpx.Client, sessions: Sessions) -> None:
    for key in ("", '"', "two words", "x" * 129):
        answer = operator.post("/v1/jobs", json=BUILD, headers={"Idempotency-Key": key})
        assert answer.status_code == 400, key
    assert jobs(sessions) == 0


def test_a_refusal_is_not_remembered(operator: httpx.Client, sessions: Sessions) -> None:
    build = operator.post("/v1/jobs", json=BUILD).headers["Location"]
    retry = (f"{build}/retry", keyed("retry"))
    assert kind_of(operator.post(retry[0], headers=retry[1])) == (409, "jobActive")
    job_id = UUID(build.rpartition("/")[2])
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(JobItem).where(JobItem.job_id == job_id).values(state="failed"))
        end_when_complete(unit.session, job_id)
    first, again = (operator.post(retry[0], headers=retry[1]) for _ in range(2))
    assert first.status_code == 202
    assert what_was_said(again) == what_was_said(first)
    other_job = f"{first.headers['Location']}/retry"
    assert kind_of(operator.post(other_job, headers=retry[1])) == (422, "idempotencyKeyReused")


@contextmanager
def jobs_held(sessions: Sessions) -> Iterator[None]:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("lock table jobs"))
        yield


def test_while_the_first_is_under_way_the_second_is_told_so(
    operator: httpx.Client, sessions: Sessions
) -> None:
    def ask() -> httpx.Response:
        return operator.post("/v1/jobs", json=BUILD, headers=keyed("slow"))

    with ThreadPoolExecutor(1) as pool:
        with jobs_held(sessions):
            first = pool.submit(ask)
            wait_for_a_held_key(sessions)
            assert kind_of(ask()) == (409, "requestInFlight")
        assert what_was_said(first.result()) == what_was_said(ask())


def wait_for_a_held_key(sessions: Sessions) -> None:
    deadline = time.monotonic() + 10
    held = text(
        "select true from pg_locks join pg_database on pg_database.oid = database"
        " where datname = current_database() and locktype = 'advisory'"
    )
    while True:
        with UnitOfWork(sessions) as unit:
            if unit.session.scalar(held):
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_broke_off_left_nothing_and_can_be_sent_again(
    api_settings: Settings, callers: Callers, sessions: Sessions
) -> None:
    token = callers.token(CallerKind.OPERATOR)
    app: FastAPI = create_app(api_settings)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("alter table stored_responses rename to responses_away"))
    with serving(app) as url, httpx.Client(base_url=url, auth=callers.auth(token)) as operator:
        try:
            broken = operator.post("/v1/jobs", json=BUILD, headers=keyed("broken"))
        finally:
            with UnitOfWork(sessions) as unit:
                unit.session.execute(text("alter table responses_away rename to stored_responses"))
        assert (broken.status_code, jobs(sessions)) == (500, 0)
        again = operator.post("/v1/jobs", json=BUILD, headers=keyed("broken"))
        assert again.status_code == 202
    assert jobs(sessions) == 1


def test_a_delivery_sent_again_is_stored_once(
    operator: httpx.Client, sessions: Sessions, storage: Storage
) -> None:
    def hand_over(content: bytes) -> httpx.Response:
        headers = keyed("delivery") | {"Content-Type": "application/zip"}
        return operator.post("/v1/deliveries", content=content, headers=headers)

    def deliveries() -> int:
        with UnitOfWork(sessions) as unit:
            return unit.session.scalar(select(func.count()).select_from(Delivery)) or 0

    before = deliveries()
    first = hand_over(b"PK the same")
    assert what_was_said(hand_over(b"PK the same")) == what_was_said(first)
    assert kind_of(hand_over(b"PK another")) == (422, "idempotencyKeyReused")
    assert deliveries() == before + 1
    assert len(list(storage.keys("deliveries"))) == 1


@pytest.mark.parametrize(("at_once", "headers"), [(200, {}), (40, keyed("at-once"))])
def test_the_same_asked_for_by_many_at_once_is_one_job(
    callers: Callers, sessions: Sessions, at_once: int, headers: dict[str, str]
) -> None:
    token = callers.token(CallerKind.OPERATOR)

    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=at_once)
        async with httpx.AsyncClient(
            base_url=callers.url,
            headers=headers,
            limits=limits,
            timeout=60,
            auth=callers.auth(token),
        ) as client:
            asking = (client.post("/v1/jobs", json=BUILD) for _ in range(at_once))
            return await asyncio.gather(*asking)

    answers = asyncio.run(ask_all())
    taken = [answer for answer in answers if answer.status_code == 202]
    told_to_wait = [answer for answer in answers if answer.status_code != 202]
    assert {answer.headers["Location"] for answer in taken} == {taken[0].headers["Location"]}
    assert jobs(sessions) == 1
    if headers:
        assert {what_was_said(answer) for answer in taken} == {what_was_said(taken[0])}
        assert {kind_of(answer) for answer in told_to_wait} <= {(409, "requestInFlight")}
    else:
        assert told_to_wait == []
