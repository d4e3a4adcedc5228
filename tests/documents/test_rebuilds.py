"""Rebuild requests become builds: of a school each, or of all schools if there are many."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from shared.core.unit_of_work import UnitOfWork
from shared.documents.rebuilds.models import RebuildRequest
from shared.documents.rebuilds.service import BATCH_SIZE, start_rebuilds
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import Lane
from tests.deliveries.delivery_files import full
from tests.deliveries.delivery_rows import import_applied

SCHOOLS = ("000028", "007947")


@pytest.fixture(autouse=True)
def delivered(unit: UnitOfWork, tmp_path: Path) -> None:
    import_applied(unit.session, full(), tmp_path)


def request(unit: UnitOfWork, *schools: str) -> None:
    rows = [{"administration_id": "2024", "school_id": school} for school in schools]
    unit.session.execute(insert(RebuildRequest), rows)


def jobs(unit: UnitOfWork) -> dict[str, str]:
    unit.session.expire_all()
    return {job.subject: job.lane for job in unit.session.scalars(select(Job))}


def test_a_few_schools_have_a_job_each(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    request(unit, *SCHOOLS)
    assert [start_rebuilds(unit, queue) for _ in range(2)] == [2, 0]
    assert jobs(unit) == {f"2024/{school}": Lane.INTERACTIVE for school in SCHOOLS}


def test_many_schools_of_an_administration_have_one_job(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    request(unit, *(f"{number:06}" for number in range(BATCH_SIZE + 1)))
    assert [start_rebuilds(unit, queue) for _ in range(2)] == [1, 0]
    assert jobs(unit) == {"2024": Lane.BULK}
    started = unit.session.scalars(select(RebuildRequest.job_id).distinct()).all()
    assert len(started) == 1
    assert None not in started


def test_a_renewed_request_has_another_job_after_one_that_failed(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    request(unit, *SCHOOLS)
    start_rebuilds(unit, queue)
    unit.session.execute(update(Job).values(state="failed", finished_at=text("now()")))
    assert start_rebuilds(unit, queue) == 0
    unit.session.execute(update(RebuildRequest).values(job_id=None))
    assert start_rebuilds(unit, queue) == 2
