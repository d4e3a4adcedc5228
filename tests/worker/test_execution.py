from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.worker.execution import Execution, Performed
from shared.core.database import Sessions, transaction
from shared.core.errors import Conflict
from shared.jobs import claims, repository, service
from shared.jobs.claims import Claim
from shared.jobs.models import Job, JobItem
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane, State

Made = tuple[UUID, UUID]


@pytest.fixture
def execution(sessions: Sessions) -> Execution:
    return Execution(sessions, lease=timedelta(seconds=0.6), max_attempts=2)


@pytest.fixture
def made(sessions: Sessions, queue: WakeUpQueue) -> Iterator[Made]:
    """A job with one item."""
    with transaction(sessions) as session:
        order = service.Order(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), ["000001"], "tests")
        job = service.start(session, queue, order)
        (item_id,) = repository.item_ids(session, job.id, State.QUEUED)
    yield job.id, item_id
    with transaction(sessions) as session:
        session.execute(text("delete from job_failures"))
        session.execute(text("delete from job_items"))
        session.execute(text("delete from jobs"))


def states(sessions: Sessions, made: Made) -> tuple[str, str]:
    with transaction(sessions) as session:
        job, item = session.get_one(Job, made[0]), session.get_one(JobItem, made[1])
    return job.state, item.state


def done(_session: Session, _claim: Claim) -> Performed:
    return Performed({"fiches": 1})


def test_an_item_that_is_performed_is_done(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    execution.run(made[1], done)
    assert states(sessions, made) == ("done", "done")


def test_an_item_that_is_done_is_not_performed_again(execution: Execution, made: Made) -> None:
    performed: list[Claim] = []

    def remember(_session: Session, claim: Claim) -> Performed:
        performed.append(claim)
        return Performed({})

    for _ in range(3):
        execution.run(made[1], remember)
    assert len(performed) == 1


def test_what_cannot_pass_fails_at_once_and_says_why(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def refuse(_session: Session, _claim: Claim) -> Performed:
        raise Conflict("schoolNotTakingPart", "School Not Taking Part", "Start a new build.")

    execution.run(made[1], refuse)
    with transaction(sessions) as session:
        item = session.get_one(JobItem, made[1])
    assert states(sessions, made) == ("failed", "failed")
    assert item.problem is not None
    assert item.problem["detail"] == "Start a new build."


def test_what_may_pass_is_tried_again_and_then_fails_with_a_reason(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def fail(_session: Session, _claim: Claim) -> Performed:
        raise OSError("the name of a pupil")

    execution.run(made[1], fail)
    assert states(sessions, made) == ("running", "queued")
    sleep(1.1)
    execution.run(made[1], fail)
    with transaction(sessions) as session:
        item = session.get_one(JobItem, made[1])
    assert states(sessions, made) == ("failed", "failed")
    assert item.problem is not None
    assert "OSError" in item.problem["detail"]
    assert "pupil" not in str(item.problem)


def test_what_a_failed_attempt_wrote_is_taken_back(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def write_and_fail(session: Session, _claim: Claim) -> Performed:
        session.execute(text("update jobs set requested_by = 'half done'"))
        raise OSError

    execution.run(made[1], write_and_fail)
    with transaction(sessions) as session:
        assert session.scalar(select(Job.requested_by)) == "tests"


def test_the_lease_is_renewed_while_the_work_goes_on(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def slow(_session: Session, claim: Claim) -> Performed:
        until = monotonic() + 1.5
        while monotonic() < until:
            with transaction(sessions) as other:
                assert claims.claim(other, claim.item_id, timedelta(seconds=1)) is None
            sleep(0.1)
        return Performed({})

    execution.run(made[1], slow)
    assert states(sessions, made) == ("done", "done")


def test_a_worker_that_lost_its_lease_commits_nothing(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def overtaken(session: Session, claim: Claim) -> Performed:
        session.execute(text("update jobs set requested_by = 'the late one'"))
        with transaction(sessions) as other:
            other.execute(
                text("update job_items set fence = fence + 1 where id = :id"), {"id": claim.item_id}
            )
        return Performed({"fiches": 1})

    execution.run(made[1], overtaken)
    with transaction(sessions) as session:
        item = session.get_one(JobItem, made[1])
        assert session.scalar(select(Job.requested_by)) == "tests"
    assert (item.state, item.outcome) == ("running", {})


def test_an_item_whose_workers_keep_dying_ends_with_a_reason(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    for _ in range(2):
        with transaction(sessions) as session:
            assert claims.claim(session, made[1], timedelta(seconds=-1)) is not None
    execution.run(made[1], done)
    with transaction(sessions) as session:
        item = session.get_one(JobItem, made[1])
    assert states(sessions, made) == ("failed", "failed")
    assert item.problem is not None
    assert "2 times" in item.problem["detail"]


def test_failures_inside_an_item_are_kept_and_the_rest_stands(
    execution: Execution, sessions: Sessions, made: Made
) -> None:
    def partly(_session: Session, _claim: Claim) -> Performed:
        return Performed({"fiches": 1, "failures": 1}, [("student-id", {"title": "Undrawable"})])

    execution.run(made[1], partly)
    with transaction(sessions) as session:
        counts = repository.count_items(session, made[0])
    assert states(sessions, made) == ("done", "done")
    assert (counts.done, counts.failures) == (1, 1)
