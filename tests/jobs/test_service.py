from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.core.database import Sessions, transaction
from shared.core.errors import Conflict, ResourceNotFound
from shared.jobs import claims, repository, service
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.queue import WAKE_UPS, WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, KINDS, Lane, Pace, State

LEASE = timedelta(seconds=30)
EXPIRED = timedelta(seconds=-1)


def order(subject: str = "2024", items: tuple[str, ...] = ("000001", "000002")) -> service.Order:
    return service.Order(BUILD_DOCUMENTS, Lane.BULK, subject, items, "tests", {"a": 1})


def take(session: Session, lease: timedelta = LEASE) -> Claim | None:
    return claims.claim(session, KINDS, list(Lane), lease)


def claimed(session: Session, subject: str, lease: timedelta = LEASE) -> Claim:
    """The only item held, of those that are due."""
    held: dict[str, Claim] = {}
    while (claim := take(session, lease)) is not None:
        held[claim.subject] = claim
    wanted = held.pop(subject)
    for other in held.values():
        assert claims.put_back(session, other, timedelta(0), {})
    return wanted


@pytest.fixture
def no_jobs(sessions: Sessions) -> Iterator[None]:
    """Jobs that a test committed are gone after it: the next would be given their items."""
    yield
    with transaction(sessions) as session:
        session.execute(text("delete from job_items"))
        session.execute(text("delete from jobs"))


def test_a_job_starts_queued_with_its_items(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    _, counts = service.read(session, job.id)
    assert (job.state, counts.queued, counts.total) == ("queued", 2, 2)


def test_the_same_work_asked_for_twice_is_one_job(session: Session, queue: WakeUpQueue) -> None:
    assert service.start(session, queue, order()).id == service.start(session, queue, order()).id


def test_work_of_another_subject_is_another_job(session: Session, queue: WakeUpQueue) -> None:
    first, second = (service.start(session, queue, order(subject)) for subject in ("a", "b"))
    assert first.id != second.id


def test_a_job_without_items_is_done_at_once(session: Session, queue: WakeUpQueue) -> None:
    assert service.start(session, queue, order(items=())).state == State.DONE


def test_the_pace_of_a_job_is_that_of_its_latest_half_minute(
    session: Session, queue: WakeUpQueue
) -> None:
    def pace() -> Pace | None:
        return service.measure_pace(session, *service.read(session, job.id))

    job = service.start(session, queue, order(items=tuple("abcdef")))
    assert pace() is None
    for claim in [take(session) for _ in "abcd"]:
        assert claim is not None
        claims.settle(session, claim, State.DONE, {})
    started = text("update jobs set started_at = now() - make_interval(secs => :seconds)")
    session.execute(started, {"seconds": 10})
    assert pace() == Pace(0.4, timedelta(seconds=5))
    session.execute(started, {"seconds": 3600})
    session.execute(
        text(
            "update job_items set finished_at = now() - interval '31s' where id in"
            " (select id from job_items where state = 'done' limit 1)"
        )
    )
    assert pace() == Pace(0.1, timedelta(seconds=20))


def test_a_claim_starts_the_job_and_raises_the_fence(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    claim = take(session)
    assert claim is not None
    assert (claim.attempt, claim.fence, claim.arguments) == (1, 1, {"a": 1})
    assert service.read(session, job.id)[0].state == State.RUNNING


def test_a_held_item_cannot_be_claimed_again(session: Session, queue: WakeUpQueue) -> None:
    service.start(session, queue, order(items=("000001",)))
    assert take(session) is not None
    assert take(session) is None


def test_an_expired_lease_is_taken_over_and_the_old_holder_refused(
    session: Session, queue: WakeUpQueue
) -> None:
    service.start(session, queue, order(items=("000001",)))
    old = take(session, EXPIRED)
    assert old is not None
    assert take(session) is None
    assert service.sweep(session, queue, max_attempts=2) == 1
    new = take(session)
    assert new is not None
    assert new.fence == old.fence + 1
    assert not claims.extend_lease(session, old, LEASE)
    with pytest.raises(LeaseLostError):
        claims.settle(session, old, State.DONE, {})
    claims.settle(session, new, State.DONE, {})


def test_the_last_item_ends_the_job(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    for subject in ("000001", "000002"):
        claim = claimed(session, subject)
        claims.settle(session, claim, State.DONE, {"fiches": 3})
        service.end_when_complete(session, job.id)
        expected = State.RUNNING if subject == "000001" else State.DONE
        assert service.read(session, job.id)[0].state == expected
    assert repository.sum_outcomes(session, job.id) == {"fiches": 6}


def test_an_item_put_back_is_not_due_before_its_time(session: Session, queue: WakeUpQueue) -> None:
    service.start(session, queue, order(items=("000001",)))
    claim = claimed(session, "000001")
    assert claims.put_back(session, claim, timedelta(hours=1), {"title": "passing"})
    assert take(session) is None
    assert repository.kinds_due(session) == []
    assert claims.put_back(session, claim, timedelta(0), {}) is False


def test_a_cancelled_job_refuses_what_was_under_way(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    claim = claimed(session, "000001")
    service.cancel(session, job.id)
    ended, counts = service.read(session, job.id)
    assert (ended.state, counts.cancelled) == (State.CANCELLED, 2)
    with pytest.raises(LeaseLostError):
        claims.settle(session, claim, State.DONE, {})


def test_a_job_that_has_ended_cannot_be_cancelled(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order(items=()))
    with pytest.raises(Conflict):
        service.cancel(session, job.id)


def test_a_retry_is_a_new_job_of_what_failed(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order(items=("000001", "000002", "000003")))
    problem = {"title": "t"}
    claims.settle(session, claimed(session, "000001"), State.DONE, {})
    claims.settle(session, claimed(session, "000002"), State.FAILED, {}, problem)
    partly = claimed(session, "000003")
    repository.add_failures(session, partly.item_id, [("student", problem)])
    claims.settle(session, partly, State.DONE, {})
    service.end_when_complete(session, job.id)
    again = service.retry_failed(session, queue, job.id, "tests")
    total, failures = repository.page_of_failures(session, job.id, 0, 10)
    assert service.read(session, again.id)[1].queued == 2
    assert (total, [(item, subject) for item, subject, _ in failures]) == (
        2,
        [("000002", "000002"), ("000003", "student")],
    )


def test_a_job_in_which_nothing_failed_is_not_retried(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order(items=()))
    with pytest.raises(Conflict):
        service.retry_failed(session, queue, job.id, "tests")


def test_an_unknown_job_is_not_found(session: Session) -> None:
    with pytest.raises(ResourceNotFound):
        service.read(session, uuid4())


def test_what_was_tried_often_enough_ends_with_a_reason_though_nobody_comes_for_it(
    session: Session, queue: WakeUpQueue
) -> None:
    job = service.start(session, queue, order(items=("000001",)))
    for _ in range(2):
        assert take(session, EXPIRED) is not None
        service.sweep(session, queue, max_attempts=2)
    ended, counts = service.read(session, job.id)
    _, failures = repository.page_of_failures(session, job.id, 0, 1)
    assert (ended.state, counts.failed) == (State.FAILED, 1)
    assert "2 times" in failures[0][2]["detail"]


def test_a_sweep_leaves_alone_what_is_held(session: Session, queue: WakeUpQueue) -> None:
    service.start(session, queue, order(items=("000001",)))
    claim = take(session)
    assert claim is not None
    assert service.sweep(session, queue, max_attempts=1) == 0
    assert claims.extend_lease(session, claim, LEASE)


@pytest.mark.usefixtures("no_jobs")
def test_a_sweep_calls_for_what_is_due_though_every_call_was_lost(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    with transaction(sessions) as session:
        service.start(session, queue, order())
    queue._broker.flush_all()
    for _ in range(2):
        with transaction(sessions) as session:
            service.sweep(session, queue, max_attempts=1)
    assert queue._broker.do_qsize(WAKE_UPS) == 1


@pytest.mark.usefixtures("no_jobs")
def test_many_askers_at_the_same_moment_get_one_job(sessions: Sessions, queue: WakeUpQueue) -> None:
    barrier, ids = Barrier(8), set[UUID]()

    def ask() -> None:
        barrier.wait()
        with transaction(sessions) as session:
            ids.add(service.start(session, queue, order("at-once")).id)

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
    with transaction(sessions) as session:
        job = service.start(session, queue, order("two-at-once"))
    barrier = Barrier(2)

    def work() -> None:
        with transaction(sessions) as session:
            claim = take(session)
        assert claim is not None
        with transaction(sessions) as session:
            session.execute(text("select from jobs where id = :id for key share"), {"id": job.id})
            barrier.wait(timeout=10)
            claims.settle(session, claim, State.DONE, {})
            service.end_when_complete(session, job.id)

    with ThreadPoolExecutor(2) as pool:
        for settled in [pool.submit(work) for _ in range(2)]:
            settled.result(timeout=30)
    with transaction(sessions) as session:
        assert service.read(session, job.id)[0].state == State.DONE
