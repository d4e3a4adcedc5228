"""How far a job is, streamed while it goes on."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import time_machine
from sqlalchemy import update

from shared.access.rules import CallerKind
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.models import JobItem
from shared.jobs.service import end_when_complete
from shared.oauth.repository import revoke
from tests.api.conftest import Callers
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL

BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION}
MORE_THAN_THE_POOL = 12

pytestmark = pytest.mark.usefixtures("no_jobs")


@pytest.fixture
def build(operator: httpx.Client) -> str:
    return operator.post("/v1/jobs", json=BUILD).headers["Location"]


@contextmanager
def events(client: httpx.Client, job: str) -> Iterator[Iterator[dict[str, Any]]]:
    with client.stream("GET", f"{job}/events") as answer:
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (
            200,
            "text/event-stream",
        )
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        yield (json.loads(line.removeprefix("data: ")) for line in lines)


def end_item(sessions: Sessions, job: str, school: str, state: str) -> None:
    job_id = UUID(job.rpartition("/")[2])
    with UnitOfWork(sessions) as unit:
        item = update(JobItem).where(JobItem.job_id == job_id, JobItem.subject == school)
        unit.session.execute(item.values(state=state))
        end_when_complete(unit.session, job_id)


def test_each_change_is_told_until_the_job_has_ended(
    operator: httpx.Client, sessions: Sessions, build: str
) -> None:
    with events(operator, build) as told:
        first = next(told)
        assert first == {"status": {"state": "processing"}, "counts": first["counts"]}
        assert first["counts"]["queued"] == 2
        end_item(sessions, build, SCHOOL, "done")
        assert next(told)["counts"] == first["counts"] | {"queued": 1, "done": 1}
        end_item(sessions, build, OTHER, "failed")
        last = next(told)
        assert (last["status"]["state"], last["counts"]["failed"]) == ("done", 1)
        assert list(told) == []
    with events(operator, build) as told:
        assert [event["status"]["state"] for event in told] == ["done"]


def test_who_may_not_follow_a_job_gets_a_problem(
    operator: httpx.Client, school: httpx.Client, nobody: httpx.Client, build: str
) -> None:
    asked = [(school, build), (nobody, build), (operator, f"/v1/jobs/{uuid4()}")]
    answers = [client.get(f"{job}/events") for client, job in asked]
    assert [answer.status_code for answer in answers] == [403, 401, 404]


def test_it_ends_when_the_token_expires(operator: httpx.Client, build: str) -> None:
    with events(operator, build) as told:
        next(told)
        with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
            assert list(told) == []


def test_it_ends_when_the_token_is_taken_back(
    callers: Callers, sessions: Sessions, build: str
) -> None:
    token = callers.token(CallerKind.OPERATOR)
    with events(callers.client(token), build) as told:
        next(told)
        with UnitOfWork(sessions) as unit:
            revoke(unit.session, callers.authority.verify(token))
        assert list(told) == []


def test_any_number_may_be_open_for_none_holds_a_connection(
    operator: httpx.Client, build: str
) -> None:
    with ExitStack() as stack:
        for _ in range(MORE_THAN_THE_POOL):
            next(stack.enter_context(events(operator, build)))
        assert operator.get("/v1/jobs").status_code == 200


def test_a_sign_of_life_comes_while_nothing_changes(
    operator: httpx.Client, build: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    with operator.stream("GET", f"{build}/events") as answer:
        assert ": ping" in answer.iter_lines()
