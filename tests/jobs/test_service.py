from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.core.database import Sessions
from shared.core.errors import Conflict, ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, repository, service
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.queue import WAKE_UPS, WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, KINDS, Lane, Pace, State

LEASE = timedelta(seconds=30)
EXPIRED = timedelta(seconds=-1)


def order(subject: str = "2024", items: tuple[str, ...] = ("000001", "000002")) -> service.NewJob:
    return service.NewJob(BUILD_DOCUMENTS, Lane.BULK, subject, items, "tests", {"a": 1})


def take(session: Session, lease: timedelta = LEASE) -> Claim | None:
    return claims.claim(session, KINDS, list(Lane), lease)


def claimed(session: Session, subject: str, lease: timedelta = LEASE) -> Claim:
    """The only item held, of those that are due."""
    held: dict[str, Claim] = {}
    while (claim := take(session, lease)) is not None:
        held[claim.subject] = claim
    wanted = held.pop(subject)
    for other in held.values():
        assert claims.requeue(session, other, timedelta(0), {})
    return wanted


@pytest.fixture
def no_jobs(sessions: Sessions) -> Iterator[None]:
    """Jobs that a test committed are gone after it: the next would be given their items."""
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from job_items"))
        unit.session.execute(text("delete from jobs"))


def test_a_job_starts_queued_with_its_items(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order())
    _, counts = service.read(unit.session, job.id)
    assert (job.state, counts.queued, counts.total) == ("queued", 2, 2)


def test_the_same_work_asked_for_twice_is_one_job(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    assert service.start(unit, queue, order()).id == service.start(unit, queue, order()).id


def test_work_of_another_subject_is_another_job(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    first, second = (service.start(unit, queue, order(subject)) for subject in ("a", "b"))
    assert first.id != second.id


def test_a_job_without_items_is_done_at_once(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    assert service.start(unit, queue, order(items=())).state == State.DONE


def test_the_pace_of_a_job_is_that_of_its_latest_half_minute(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    def pace() -> Pace | None:
        return service.measure_pace(unit.session, *service.read(unit.session, job.id))

    job = service.start(unit, queue, order(items=tuple("abcdef")))
    assert pace() is None
    for claim in [take(unit.session) for _ in "abcd"]:
        assert claim is not None
        claims.settle(unit.session, claim, State.DONE, {})
    started = text("update jobs set started_at = now() - make_interval(secs => :seconds)")
    unit.session.execute(started, {"seconds": 10})
    assert pace() == Pace(0.4, timedelta(seconds=5))
    unit.session.execute(started, {"seconds": 3600})
    unit.session.execute(
        text(
            "update job_items set finished_at = now() - interval '31s' where id in"
            " (select id from job_items where state = 'done' limit 1)"
        )
    )
    assert pace() == Pace(0.1, timedelta(seconds=20))


def test_a_claim_starts_the_job_and_raises_the_fence(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order())
    claim = take(unit.session)
    assert claim is not None
    assert (claim.attempt, claim.fencing_token, claim.arguments) == (1, 1, {"a": 1})
    assert service.read(unit.session, job.id)[0].state == State.RUNNING


def test_a_held_item_cannot_be_claimed_again(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    service.start(unit, queue, order(items=("000001",)))
    assert take(unit.session) is not None
    assert take(unit.session) is None


def test_an_expired_lease_is_taken_over_and_the_old_holder_refused(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    service.start(unit, queue, order(items=("000001",)))
    old = take(unit.session, EXPIRED)
    assert old is not None
    assert take(unit.session) is None
    assert service.sweep(unit, queue, max_attempts=2) == 1
    new = take(unit.session)
    assert new is not None
    assert new.fencing_token == old.fencing_token + 1
    assert not claims.extend_lease(unit.session, old, LEASE)
    with pytest.raises(LeaseLostError):
        claims.settle(unit.session, old, State.DONE, {})
    claims.settle(unit.session, new, State.DONE, {})


def test_the_last_item_ends_the_job(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order())
    for subject in ("000001", "000002"):
        claim = claimed(unit.session, subject)
        claims.settle(unit.session, claim, State.DONE, {"fiches": 3})
        service.end_when_complete(unit.session, job.id)
        expected = State.RUNNING if subject == "000001" else State.DONE
        assert service.read(unit.session, job.id)[0].state == expected
    assert repository.sum_outcomes(unit.session, job.id) == {"fiches": 6}


def test_an_item_put_back_is_not_due_before_its_time(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    service.start(unit, queue, order(items=("000001",)))
    claim = claimed(unit.session, "000001")
    assert claims.requeue(unit.session, claim, timedelta(hours=1), {"title": "passing"})
    assert take(unit.session) is None
    assert repository.due_kinds(unit.session) == []
    assert claims.requeue(unit.session, claim, timedelta(0), {}) is False


def test_a_cancelled_job_refuses_what_was_under_way(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order())
    claim = claimed(unit.session, "000001")
    service.cancel(unit.session, job.id)
    ended, counts = service.read(unit.session, job.id)
    assert (ended.state, counts.cancelled) == (State.CANCELLED, 2)
    with pytest.raises(LeaseLostError):
        claims.settle(unit.session, claim, State.DONE, {})


def test_a_job_that_has_ended_cannot_be_cancelled(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order(items=()))
    with pytest.raises(Conflict):
        service.cancel(unit.session, job.id)


def test_a_retry_is_a_new_job_of_what_failed(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order(items=("000001", "000002", "000003")))
    problem = {"title": "t"}
    claims.settle(unit.session, claimed(unit.session, "000001"), State.DONE, {})
    claims.settle(unit.session, claimed(unit.session, "000002"), State.FAILED, {}, problem)
    partly = claimed(unit.session, "000003")
    repository.add_failures(unit.session, partly.item_id, [("student", problem)])
    claims.settle(unit.session, partly, State.DONE, {})
    service.end_when_complete(unit.session, job.id)
    again = service.retry_failed(unit, queue, job.id, "tests")
    total, failures = repository.page_of_failures(unit.session, job.id, 0, 10)
    assert service.read(unit.session, again.id)[1].queued == 2
    assert (total, [(item, subject) for item, subject, _ in failures]) == (
        2,
        [("000002", "000002"), ("000003", "student")],
    )


def test_a_job_in_which_nothing_failed_is_not_retried(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, order(items=()))
    with pytest.raises(Conflict):
        service.retry_failed(unit, queue, job.id, "tests")


def test_an_unknown_job_is_not_found(session: Session) -> None:
    with pytest.raises(ResourceNotFound):
        service.read(session, uuid4())


def test_what_was_tried_often_enough_ends_with_a_reason_though_nobody_comes_for_it(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    job = service.start(unit, queue, order(items=("000001",)))
    for _ in range(2):
        assert take(unit.session, EXPIRED) is not None
        service.sweep(unit, queue, max_attempts=2)
    ended, counts = service.read(unit.session, job.id)
    _, failures = repository.page_of_failures(unit.session, job.id, 0, 1)
    assert (ended.state, counts.failed) == (State.FAILED, 1)
    problem = failures[0].problem
    assert problem is not None
    assert "2 times" in problem["detail"]


def test_a_sweep_leaves_alone_what_is_held(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    service.start(unit, queue, order(items=("000001",)))
    claim = take(unit.session)
    assert claim is not None
    assert service.sweep(unit, queue, max_attempts=1) == 0
    assert claims.extend_lease(unit.session, claim, LEASE)


@pytest.mark.usefixtures("no_jobs")
def test_a_sweep_calls_for_what_is_due_though_every_call_was_lost(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    with UnitOfWork(sessions) as unit:
        service.start(unit, queue, order())
    queue._broker.flush_all()
    for _ in range(2):
        with UnitOfWork(sessions) as unit:
            service.sweep(unit, queue, max_attempts=1)
    assert queue._broker.do_qsize(WAKE_UPS) == 1


@pytest.mark.usefixtures("no_jobs")
def test_many_askers_at_the_same_moment_get_one_job(sessions: Sessions, queue: WakeUpQueue) -> None:
    barrier, ids = Barrier(8), set[UUID]()

    def ask() -> None:
        barrier.wait()
        with UnitOfWork(sessions) as unit:
            ids.add(service.start(unit, queue, order("at-once")).id)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1


@pytest.mark.usefixtures("no_jobs")
def test_two_workers_that_refer_to_the_job_settle_at_the_same_moment(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    with UnitOfWork(sessions) as unit:
        job = service.start(unit, queue, order("two-at-once"))
    barrier = Barrier(2)

    def work() -> None:
        with UnitOfWork(sessions) as unit:
            claim = take(unit.session)
        assert claim is not None
        with UnitOfWork(sessions) as unit:
            unit.session.execute(
                text("select from jobs where id = :id for key share"), {"id": job.id}
            )
            barrier.wait(timeout=10)
            claims.settle(unit.session, claim, State.DONE, {})
            service.end_when_complete(unit.session, job.id)

    with ThreadPoolExecutor(2) as pool:
        for settled in [pool.submit(work) for _ in range(2)]:
            settled.result(timeout=30)
    with UnitOfWork(sessions) as unit:
        assert service.read(unit.session, job.id)[0].state == State.DONE
