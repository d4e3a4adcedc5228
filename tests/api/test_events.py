"""The progress of a job as a stream of events."""

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
    with client.stream("GET", f"{job}/events") as response:
        assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == (
            200,
            "text/event-stream",
        )
        lines = (line for line in response.iter_lines() if line.startswith("data: "))
        yield (json.loads(line.removeprefix("data: ")) for line in lines)


def end_item(sessions: Sessions, job: str, school: str, state: str) -> None:
    job_id = UUID(job.rpartition("/")[2])
    with UnitOfWork(sessions) as unit:
        item = update(JobItem).where(JobItem.job_id == job_id, JobItem.subject == school)
        unit.session.execute(item.values(state=state))
        end_when_complete(unit.session, job_id)


def test_each_change_is_an_event_until_the_job_has_ended(
    operator: httpx.Client, sessions: Sessions, build: str
) -> None:
    with events(operator, build) as received:
        first = next(received)
        assert first == {"status": {"state": "processing"}, "counts": first["counts"]}
        assert first["counts"]["queued"] == 2
        end_item(sessions, build, SCHOOL, "done")
        assert next(received)["counts"] == first["counts"] | {"queued": 1, "done": 1}
        end_item(sessions, build, OTHER, "failed")
        last = next(received)
        assert (last["status"]["state"], last["counts"]["failed"]) == ("done", 1)
        assert list(received) == []
    with events(operator, build) as received:
        assert [event["status"]["state"] for event in received] == ["done"]


def test_a_caller_without_access_to_the_job_gets_a_problem(
    operator: httpx.Client, school: httpx.Client, unauthenticated: httpx.Client, build: str
) -> None:
    requests = [(school, build), (unauthenticated, build), (operator, f"/v1/jobs/{uuid4()}")]
    responses = [client.get(f"{job}/events") for client, job in requests]
    assert [response.status_code for response in responses] == [403, 401, 404]


def test_the_stream_ends_when_the_token_expires(operator: httpx.Client, build: str) -> None:
    with events(operator, build) as received:
        next(received)
        with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
            assert list(received) == []


def test_the_stream_ends_when_the_token_is_revoked(
    callers: Callers, sessions: Sessions, build: str
) -> None:
    token = callers.token(CallerKind.OPERATOR)
    with events(callers.client(token), build) as received:
        next(received)
        with UnitOfWork(sessions) as unit:
            revoke(unit.session, callers.authority.verify(token))
        assert list(received) == []


def test_open_streams_use_no_database_connection(operator: httpx.Client, build: str) -> None:
    with ExitStack() as stack:
        for _ in range(MORE_THAN_THE_POOL):
            next(stack.enter_context(events(operator, build)))
        assert operator.get("/v1/jobs").status_code == 200


def test_a_ping_is_sent_while_nothing_changes(
    operator: httpx.Client, build: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    with operator.stream("GET", f"{build}/events") as response:
        assert ": ping" in response.iter_lines()
