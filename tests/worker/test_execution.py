from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from services.worker.execution import Execution, Handler, HandlerResult, ItemFailure
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


def done(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
    return HandlerResult({"fiches": 1})


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


def run(execution: Execution, handler: Handler) -> None:
    """Run all due items with this handler."""
    replace(execution, handlers={BUILD_DOCUMENTS: handler}).run()


@pytest.fixture
def made(sessions: Sessions, queue: WakeUpQueue, no_jobs: None) -> Made:  # noqa: ARG001  # after it
    """Start a job with one item."""
    with UnitOfWork(sessions) as unit:
        order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), ["000001"], "tests")
        job = service.start(unit, queue, order)
        item_id = unit.session.scalars(select(JobItem.id).where(JobItem.job_id == job.id)).one()
    return job.id, item_id


def states(sessions: Sessions, made: Made) -> tuple[str, str]:
    with UnitOfWork(sessions) as unit:
        job, item = unit.session.get_one(Job, made[0]), unit.session.get_one(JobItem, made[1])
    return job.state, item.state


def test_an_item_whose_handler_returns_is_done(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    run(execution, done)
    assert states(sessions, made) == ("done", "done")


@pytest.mark.usefixtures("made")
def test_a_done_item_is_not_handled_again(execution: Execution) -> None:
    handled: list[Claim] = []

    def remember(_unit: UnitOfWork, claim: Claim) -> HandlerResult:
        handled.append(claim)
        return HandlerResult({})

    for _ in range(3):
        run(execution, remember)
    assert len(handled) == 1


def test_a_problem_fails_the_item_immediately_with_its_detail(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def refuse(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        raise Conflict("schoolNotTakingPart", "Start a new build.")

    run(execution, refuse)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
    assert states(sessions, made) == ("failed", "failed")
    assert item.problem is not None
    assert item.problem["detail"] == "Start a new build."


def test_an_unexpected_error_fails_the_item_immediately_without_its_message(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def stumble(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        raise ValueError("the name of a pupil")

    run(execution, stumble)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
    assert (item.state, item.attempts) == ("failed", 1)
    assert item.problem is not None
    assert "ValueError" in item.problem["detail"]
    assert "pupil" not in str(item.problem)


def test_a_retryable_error_is_retried_and_then_fails_the_item(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def fail(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
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
def test_the_writes_of_a_failed_attempt_are_rolled_back(
    execution: Execution, sessions: Sessions
) -> None:
    def write_and_fail(unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        unit.session.execute(text("update jobs set requested_by = 'half done'"))
        raise OSError

    run(execution, write_and_fail)
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalar(select(Job.requested_by)) == "tests"


def test_the_lease_is_renewed_while_the_handler_runs(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def slow(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        until = monotonic() + 1.5
        while monotonic() < until:
            with UnitOfWork(sessions) as other_unit:
                assert service.sweep(other_unit.session, max_attempts=2) == 0
            sleep(0.1)
        return HandlerResult({})

    run(execution, slow)
    assert states(sessions, made) == ("done", "done")


def test_a_worker_that_lost_its_lease_commits_nothing(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def overtaken(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        unit.session.execute(text("update jobs set requested_by = 'the late one'"))
        with UnitOfWork(sessions) as other_unit:
            other_unit.session.execute(
                text("update job_items set fencing_token = fencing_token + 1 where id = :id"),
                {"id": claim.item_id},
            )
        return HandlerResult({"fiches": 1})

    run(execution, overtaken)
    with UnitOfWork(sessions) as unit:
        item = unit.session.get_one(JobItem, made[1])
        assert unit.session.scalar(select(Job.requested_by)) == "tests"
    assert (item.state, item.outcome) == ("running", {})


def test_a_worker_whose_item_was_cancelled_stops_before_its_next_statement(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    reached: list[str] = []

    def cancelled(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        with UnitOfWork(sessions) as other_unit:
            service.cancel(other_unit.session, made[0])
        assert claim.lost.wait(timeout=10)
        unit.session.execute(text("select 1"))
        reached.append("the end")
        return HandlerResult({"fiches": 1})

    run(execution, cancelled)
    assert reached == []
    assert states(sessions, made) == ("cancelled", "cancelled")


def test_the_current_statement_of_a_cancelled_item_is_cancelled(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    cancelled_statements: list[str] = []

    def cancelled(unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        with UnitOfWork(sessions) as other_unit:
            service.cancel(other_unit.session, made[0])
        try:
            unit.session.execute(text("select pg_sleep(60)"))
        except OperationalError as error:
            cancelled_statements.append(type(error.orig).__name__)
            raise
        return HandlerResult({})

    run(execution, cancelled)
    assert cancelled_statements == ["QueryCanceled"]
    assert states(sessions, made) == ("cancelled", "cancelled")


@pytest.mark.usefixtures("no_jobs")
def test_a_stopping_worker_claims_no_other_item(
    execution: Execution, sessions: Sessions, queue: WakeUpQueue
) -> None:
    with UnitOfWork(sessions) as unit:
        order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "two", ["1", "2"], "tests")
        job = service.start(unit, queue, order)

    def stop(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        execution.stopping.set()
        return HandlerResult({})

    run(execution, stop)
    with UnitOfWork(sessions) as unit:
        counts = repository.count_items(unit.session, job.id)
    assert (counts.done, counts.queued) == (1, 1)


@pytest.mark.usefixtures("made")
def test_a_worker_that_claims_an_item_wakes_the_next_worker(
    execution: Execution, queue: WakeUpQueue
) -> None:
    queue._broker.flush_all()
    execution.run()
    assert queue._broker.do_qsize(WAKE_UPS) == 1
    execution.run()
    assert queue._broker.do_qsize(WAKE_UPS) == 1


@pytest.mark.usefixtures("made")
def test_an_item_is_done_even_if_the_wake_up_fails(
    execution: Execution, settings: Settings, sessions: Sessions, made: Made
) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    broker = open_broker(nowhere, middleware=[])
    replace(execution, queue=WakeUpQueue(broker)).run()
    broker.close()
    assert states(sessions, made) == ("done", "done")


def test_failures_inside_an_item_are_stored_with_its_outcome(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def partly(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        return HandlerResult(
            {"fiches": 1, "failures": 1}, [ItemFailure("student-id", {"title": "Undrawable"})]
        )

    run(execution, partly)
    with UnitOfWork(sessions) as unit:
        counts = repository.count_items(unit.session, made[0])
    assert states(sessions, made) == ("done", "done")
    assert (counts.done, counts.failures) == (1, 1)


def test_an_item_that_cannot_be_read_fails_and_the_next_one_is_handled(
    execution: Execution, sessions: Sessions, made: Made, queue: WakeUpQueue
) -> None:
    unreadable = """('{"administrationId": 1' || repeat('0', 5000) || '}')::jsonb"""
    with UnitOfWork(sessions) as unit:  # as before the constraint, or by the owner
        unit.session.execute(text("alter table jobs drop constraint ck_jobs_arguments_are_short"))
        unit.session.execute(text(f"update jobs set arguments = {unreadable}"))
    with UnitOfWork(sessions) as unit:
        order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "next", ["000001"], "tests")
        following = service.start(unit, queue, order).id
    run(execution, done)
    with UnitOfWork(sessions) as unit:
        columns = select(Job.state).where(Job.id == following)
        assert unit.session.scalar(columns) == "done"
        item = unit.session.get_one(JobItem, made[1])
        job_state = unit.session.scalar(select(Job.state).where(Job.id == made[0]))
        unit.session.execute(text("update jobs set arguments = '{}'"))
    assert (job_state, item.state) == ("failed", "failed")
    assert item.problem is not None
    assert "start a new job" in item.problem["detail"]
