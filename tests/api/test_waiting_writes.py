"""Requests that wait for another transaction: reads do not, and writes say what to do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from sqlalchemy import text

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.rebuilds.service import start_rebuilds
from shared.jobs.queue import WakeUpQueue
from shared.releases.repository import lock_windows
from tests.api.conftest import Callers
from tests.api.operators import operators
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL

WINDOWS = "/v1/releaseWindows"
PLAN = f"/v1/releasePlans/{ADMINISTRATION}"
BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION}
LONGEST_READ_SECONDS = 3
ADD_JOB = """
insert into jobs (kind, lane, subject, arguments, requested_by, state)
values ('documents.build', 'bulk', %s, '{}', 'cli', 'queued')
"""

pytestmark = pytest.mark.usefixtures("seeded", "no_jobs")


def require_clear_refusal(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert int(response.headers["Retry-After"]) > 0
    assert "Try again when that work has ended." in response.json()["detail"]


@pytest.mark.usefixtures("no_windows")
def test_import_that_locks_the_windows_delays_no_read_of_them(
    callers: Callers, school: httpx.Client, sessions: Sessions
) -> None:
    (planner,) = operators(sessions, callers, "planner")
    plan = {"windows": [{"product": "studentFeedback", "never": True}]}
    version = {"If-Match": planner.api.get(PLAN).headers["ETag"]}
    with UnitOfWork(sessions) as importing:
        lock_windows(importing.session)
        began_at = time.monotonic()
        for path in (WINDOWS, f"/v1/schools/{SCHOOL}/results"):
            assert school.get(path).status_code == 200
        assert time.monotonic() - began_at < LONGEST_READ_SECONDS
        require_clear_refusal(planner.api.put(PLAN, json=plan, headers=version))
    assert planner.api.put(PLAN, json=plan, headers=version).status_code == 200


@contextmanager
def uncommitted_job(settings_of: Callable[[str], Settings], subject: str) -> Iterator[None]:
    """Add a job with the login of operators, and commit nothing during the block."""
    url = settings_of("operator").database_url.get_secret_value()
    with psycopg.connect(url) as connection:
        connection.execute(ADD_JOB, [subject])
        yield
        connection.rollback()


def test_uncommitted_job_of_an_operator_refuses_the_same_job_with_the_remedy(
    operator: httpx.Client, settings_of: Callable[[str], Settings]
) -> None:
    with uncommitted_job(settings_of, ADMINISTRATION):
        require_clear_refusal(operator.post("/v1/jobs", json=BUILD))
        one_school = operator.post("/v1/jobs", json=BUILD | {"schoolId": SCHOOL})
        assert one_school.status_code == 202
    assert operator.post("/v1/jobs", json=BUILD).status_code == 202


def test_uncommitted_job_of_an_operator_delays_the_rebuild_of_one_school_only(
    sessions: Sessions, queue: WakeUpQueue, settings_of: Callable[[str], Settings]
) -> None:
    with UnitOfWork(sessions) as unit:
        add = "insert into rebuild_requests (administration_id, school_id) values (:a, :s)"
        for school in (SCHOOL, OTHER):
            unit.session.execute(text(add), {"a": ADMINISTRATION, "s": school})
    with uncommitted_job(settings_of, f"{ADMINISTRATION}/{SCHOOL}"):
        with UnitOfWork(sessions) as unit:
            assert start_rebuilds(unit, queue) == 1
        assert started(sessions) == {OTHER}
    with UnitOfWork(sessions) as unit:
        assert start_rebuilds(unit, queue) == 1
    assert started(sessions) == {SCHOOL, OTHER}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from rebuild_requests"))


def started(sessions: Sessions) -> set[str]:
    query = "select school_id from rebuild_requests where job_id is not null"
    with UnitOfWork(sessions) as unit:
        return set(unit.session.scalars(text(query)))
