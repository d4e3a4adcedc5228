"""Items that wait for a server: they cost no attempt, are named, and go on automatically."""

import errno
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from services.worker.execution import Execution, Handler, HandlerResult
from services.worker.lease_sweep import LeaseSweep
from services.worker.pause import Pause
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service
from shared.jobs.claims import Claim
from shared.jobs.models import JobItem
from shared.jobs.monitoring import waiting_items
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, MAX_WAIT_SECONDS, Lane

NO_SPACE = "machine of the worker: no space left on device"
MAX_ATTEMPTS = 2


def done(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
    return HandlerResult({"fiches": 1})


def full(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
    raise OSError(errno.ENOSPC, "the name of a pupil")


@pytest.fixture
def execution(sessions: Sessions, queue: WakeUpQueue) -> Execution:
    lease = timedelta(seconds=30)
    return Execution(sessions, queue, {BUILD_DOCUMENTS: done}, lease, MAX_ATTEMPTS, 8)


@pytest.fixture
def job_id(sessions: Sessions, queue: WakeUpQueue, no_jobs: None) -> UUID:  # noqa: ARG001  # after it
    with UnitOfWork(sessions) as unit:
        new = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), ["000001"], "tests")
        return service.start(unit, queue, new).id


def run_now(execution: Execution, handler: Handler) -> None:
    """Run all queued items with the handler, due or not, in a process without a pause."""
    with UnitOfWork(execution.sessions) as unit:
        unit.session.execute(text("update job_items set due_at = now() where state = 'queued'"))
    replace(execution, handlers={BUILD_DOCUMENTS: handler}).run()


def item(sessions: Sessions, job_id: UUID) -> JobItem:
    with UnitOfWork(sessions) as unit:
        return unit.session.scalars(select(JobItem).where(JobItem.job_id == job_id)).one()


def test_an_item_waits_as_often_as_necessary_and_then_is_done(
    execution: Execution, sessions: Sessions, job_id: UUID
) -> None:
    for waits in range(1, 2 * MAX_ATTEMPTS + 1):
        run_now(execution, full)
        found = item(sessions, job_id)
        assert (found.state, found.attempts, found.waits) == ("queued", 0, waits)
    with UnitOfWork(sessions) as unit:
        _, counts = service.read(unit.session, job_id)
        assert counts.waiting_for == NO_SPACE
        assert waiting_items(unit.session) == {NO_SPACE: 1}
    run_now(execution, done)
    found = item(sessions, job_id)
    assert (found.state, found.attempts, found.waits, found.waiting_for) == ("done", 1, 0, None)
    with UnitOfWork(sessions) as unit:
        assert service.read(unit.session, job_id)[1].waiting_for is None
        assert waiting_items(unit.session) == {}


def test_delays_grow_to_a_limit_that_is_soon_after_a_recovery(
    execution: Execution, sessions: Sessions, job_id: UUID
) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("update job_items set waits = 50"))
    run_now(execution, full)
    with UnitOfWork(sessions) as unit:
        query = "select extract(epoch from due_at - now()) from job_items where job_id = :job"
        delay = float(unit.session.execute(text(query), {"job": job_id}).scalar_one())
    assert MAX_WAIT_SECONDS / 2 - 1 < delay <= MAX_WAIT_SECONDS <= 30


def test_a_process_pauses_instead_of_trying_every_other_item(
    execution: Execution, sessions: Sessions, queue: WakeUpQueue, job_id: UUID
) -> None:
    with UnitOfWork(sessions) as unit:
        schools = [f"{number:06}" for number in range(2, 50)]
        service.start(
            unit, queue, service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "y", schools, "tests")
        )
    handled: list[str] = []

    def remember(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        handled.append(claim.subject)
        return full(unit, claim)

    paused = replace(execution, handlers={BUILD_DOCUMENTS: remember})
    paused.run()
    paused.run()
    assert len(handled) == 1
    assert item(sessions, job_id).state == "queued"


def test_a_pause_ends_by_itself_and_with_the_first_item_that_does_not_wait() -> None:
    pause = Pause()
    pause.begin()
    assert pause.is_active()
    pause.end()
    assert not pause.is_active()
    began = monotonic()
    pause.begin()
    while pause.is_active():
        sleep(0.01)
    assert 0.5 <= monotonic() - began <= 1.5


def test_leases_are_not_swept_just_after_an_outage(sessions: Sessions, job_id: UUID) -> None:
    sweep = LeaseSweep(MAX_ATTEMPTS, lease_seconds=0.5, interval_seconds=0.1)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(
            text(
                "update job_items set state = 'running', attempts = 9, "
                "lease_until_at = now() - interval '1 hour'"
            )
        )
    sleep(0.7)  # as while the database was away
    with UnitOfWork(sessions) as unit:
        assert sweep(unit) == 0
    assert item(sessions, job_id).state == "running"
    deadline = monotonic() + 5
    while item(sessions, job_id).state == "running":
        assert monotonic() < deadline
        sleep(0.05)
        with UnitOfWork(sessions) as unit:
            sweep(unit)
    assert item(sessions, job_id).state == "failed"
