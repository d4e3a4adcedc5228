from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from services.worker.execution import Execution, Perform, Performed
from shared.core.database import Sessions
from shared.core.errors import Conflict
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import repository, service
from shared.jobs.claims import Claim
from shared.jobs.models import Job, JobItem
from shared.jobs.queue import WAKE_UPS, WakeUpQueue, open_broker
from shared.jobs.rules import BUILD_DOCUMENTS, Lane

Made = tuple[UUID, UUID]


def done(_unit: UnitOfWork, _claim: Claim) -> Performed:
    return Performed({"fiches": 1})


@pytest.fixture
def execution(sessions: Sessions, queue: WakeUpQueue) -> Execution:
    return Execution(
        sessions,
        queue,
        {BUILD_DOCUMENTS: done},
        lease=timedelta(seconds=0.6),
        max_attempts=2,
        interactive_weight=8,
    )


def run(execution: Execution, perform: Perform) -> None:
    """Performs whatever is due, in this way."""
    replace(execution, performers={BUILD_DOCUMENTS: perform}).run()


@pytest.fixture
def no_jobs(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from job_failures"))
        unit.session.execute(text("delete from job_items"))
        unit.session.execute(text("delete from jobs"))


@pytest.fixture
def made(sessions: Sessions, queue: WakeUpQueue, no_jobs: None) -> Made:  # noqa: ARG001  # after it
    """A job with one item."""
    with UnitOfWork(sessions) as unit:
        order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), ["000001"], "tests")
        job = service.start(unit, queue, order)
        item_id = unit.session.scalars(select(JobItem.id).where(JobItem.job_id == job.id)).one()
    return job.id, item_id


def states(sessions: Sessions, made: Made) -> tuple[str, str]:
    with UnitOfWork(sessions) as unit:
        job, item = unit.session.get_one(Job, made[0]), unit.session.get_one(JobItem, made[1])
    return job.state, item.state


def test_an_item_that_is_performed_is_done(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    run(execution, done)
    assert states(sessions, made) == ("done", "done")


@pytest.mark.usefixtures("made")
def test_an_item_that_is_done_is_not_performed_again(execution: Execution) -> None:
    performed: list[Claim] = []

    def remember(_unit: UnitOfWork, claim: Claim) -> Performed:
        performed.append(claim)
        return Performed({})

    for _ in range(3):
        run(execution, remember)
    assert len(performed) == 1


def test_what_cannot_pass_fails_at_once_and_says_why(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def refuse(_unit: UnitOfWork, _claim: Claim) -> Performed:
        raise Conflict("schoolNotTakingPart", "Start a new build.")

    run(execution, refuse)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
    assert states(sessions, made) == ("failed", "failed")
    assert item.problem is not None
    assert item.problem["detail"] == "Start a new build."


def test_an_error_that_is_no_outage_fails_at_once_and_quotes_nothing(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def stumble(_unit: UnitOfWork, _claim: Claim) -> Performed:
        raise ValueError("the name of a pupil")

    run(execution, stumble)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
    assert (item.state, item.attempts) == ("failed", 1)
    assert item.problem is not None
    assert "ValueError" in item.problem["detail"]
    assert "pupil" not in str(item.problem)


def test_what_may_pass_is_tried_again_and_then_fails_with_a_reason(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def fail(_unit: UnitOfWork, _claim: Claim) -> Performed:
        raise OSError("the name of a pupil")

    run(execution, fail)
    assert states(sessions, made) == ("running", "queued")
    sleep(1.1)
    run(execution, fail)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
    assert states(sessions, made) == ("failed", "failed")
    assert item.problem is not None
    assert "OSError" in item.problem["detail"]
    assert "pupil" not in str(item.problem)


@pytest.mark.usefixtures("made")
def test_what_a_failed_attempt_wrote_is_taken_back(
    execution: Execution, sessions: Sessions
) -> None:
    def write_and_fail(unit: UnitOfWork, _claim: Claim) -> Performed:
        unit.session.execute(text("update jobs set requested_by = 'half done'"))
        raise OSError

    run(execution, write_and_fail)
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalar(select(Job.requested_by)) == "tests"


def test_the_lease_is_renewed_while_the_work_goes_on(
    execution: Execution, sessions: Sessions, queue: WakeUpQueue, made: Made
) -> None:
    def slow(_unit: UnitOfWork, _claim: Claim) -> Performed:
        until = monotonic() + 1.5
        while monotonic() < until:
            with UnitOfWork(sessions) as other_unit:
                assert service.sweep(other_unit, queue, max_attempts=2) == 0
            sleep(0.1)
        return Performed({})

    run(execution, slow)
    assert states(sessions, made) == ("done", "done")


def test_a_worker_that_lost_its_lease_commits_nothing(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def overtaken(unit: UnitOfWork, claim: Claim) -> Performed:
        unit.session.execute(text("update jobs set requested_by = 'the late one'"))
        with UnitOfWork(sessions) as other_unit:
            other_unit.session.execute(
                text("update job_items set fencing_token = fencing_token + 1 where id = :id"),
                {"id": claim.item_id},
            )
        return Performed({"fiches": 1})

    run(execution, overtaken)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
        assert unit.session.scalar(select(Job.requested_by)) == "tests"
    assert (item.state, item.outcome) == ("running", {})


def test_a_worker_whose_item_was_cancelled_stops_before_its_next_statement(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    reached: list[str] = []

    def cancelled(unit: UnitOfWork, claim: Claim) -> Performed:
        with UnitOfWork(sessions) as other_unit:
            service.cancel(other_unit.session, made[0])
        assert claim.lost.wait(timeout=10)
        unit.session.execute(text("select 1"))
        reached.append("the end")
        return Performed({"fiches": 1})

    run(execution, cancelled)
    assert reached == []
    assert states(sessions, made) == ("cancelled", "cancelled")


def test_a_statement_of_an_item_that_was_cancelled_is_broken_off(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    broken_off: list[str] = []

    def cancelled(unit: UnitOfWork, _claim: Claim) -> Performed:
        with UnitOfWork(sessions) as other_unit:
            service.cancel(other_unit.session, made[0])
        try:
            unit.session.execute(text("select pg_sleep(60)"))
        except OperationalError as error:
            broken_off.append(type(error.orig).__name__)
            raise
        return Performed({})

    run(execution, cancelled)
    assert broken_off == ["QueryCanceled"]
    assert states(sessions, made) == ("cancelled", "cancelled")


@pytest.mark.usefixtures("no_jobs")
def test_a_worker_that_is_told_to_stop_takes_no_other_item(
    execution: Execution, sessions: Sessions, queue: WakeUpQueue
) -> None:
    with UnitOfWork(sessions) as unit:
        order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "two", ["1", "2"], "tests")
        job = service.start(unit, queue, order)

    def stop(_unit: UnitOfWork, _claim: Claim) -> Performed:
        execution.stopping.set()
        return Performed({})

    run(execution, stop)
    with UnitOfWork(sessions) as unit:
        counts = repository.count_items(unit.session, job.id)
    assert (counts.done, counts.queued) == (1, 1)


@pytest.mark.usefixtures("made")
def test_whoever_finds_work_calls_the_next_worker(execution: Execution, queue: WakeUpQueue) -> None:
    queue._broker.flush_all()
    execution.run()
    assert queue._broker.do_qsize(WAKE_UPS) == 1
    execution.run()
    assert queue._broker.do_qsize(WAKE_UPS) == 1


@pytest.mark.usefixtures("made")
def test_work_is_done_though_the_next_worker_cannot_be_called(
    execution: Execution, settings: Settings, sessions: Sessions, made: Made
) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    broker = open_broker(nowhere, middleware=[])
    replace(execution, queue=WakeUpQueue(broker)).run()
    broker.close()
    assert states(sessions, made) == ("done", "done")


def test_failures_inside_an_item_are_kept_and_the_rest_stands(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def partly(_unit: UnitOfWork, _claim: Claim) -> Performed:
        return Performed({"fiches": 1, "failures": 1}, [("student-id", {"title": "Undrawable"})])

    run(execution, partly)
    with UnitOfWork(sessions) as unit:
        counts = repository.count_items(unit.session, made[0])
    assert states(sessions, made) == ("done", "done")
    assert (counts.done, counts.failures) == (1, 1)
