from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.core.database import Sessions
from shared.core.errors import Conflict, ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, repository, service
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, BUILD_DOCUMENTS, KINDS, Lane, Pace, State

LEASE = timedelta(seconds=30)
EXPIRED = timedelta(seconds=-1)


def new_job(subject: str = "2024", items: tuple[str, ...] = ("000001", "000002")) -> service.NewJob:
    return service.NewJob(BUILD_DOCUMENTS, Lane.BULK, subject, items, "tests", {"a": 1})


def claim_item(session: Session, lease: timedelta = LEASE) -> Claim | None:
    return claims.claim(session, KINDS, list(Lane), lease)


def claim_of(session: Session, subject: str, lease: timedelta = LEASE) -> Claim:
    """Claim one due item by its subject, and requeue the others."""
    others: dict[str, Claim] = {}
    while (other := claim_item(session, lease)) is not None:
        others[other.subject] = other
    claim = others.pop(subject)
    for other in others.values():
        assert claims.requeue(session, other, timedelta(0), {})
    return claim


def test_a_job_starts_queued_with_its_items(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, new_job())
    _, counts = service.read(unit.session, job.id)
    assert (job.state, counts.queued, counts.total) == ("queued", 2, 2)


def test_a_second_request_for_the_same_work_gets_the_same_job(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    assert service.start(unit, queue, new_job()).id == service.start(unit, queue, new_job()).id


def test_work_of_another_subject_is_another_job(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    first, second = (service.start(unit, queue, new_job(subject)) for subject in ("a", "b"))
    assert first.id != second.id


def test_a_job_without_items_is_done_immediately(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    assert service.start(unit, queue, new_job(items=())).state == State.DONE


def test_the_pace_of_a_job_is_that_of_the_last_half_minute(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    def pace() -> Pace | None:
        return service.measure_pace(unit.session, *service.read(unit.session, job.id))

    job = service.start(unit, queue, new_job(items=tuple("abcdef")))
    assert pace() is None
    for claim in [claim_item(unit.session) for _ in "abcd"]:
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
    waiting = claim_item(unit.session)
    assert waiting is not None
    assert claims.wait(unit.session, waiting, timedelta(0), "object store: no space left on device")
    assert pace() is None


def test_a_claim_starts_the_job_and_increments_the_fencing_token(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    job = service.start(unit, queue, new_job())
    claim = claim_item(unit.session)
    assert claim is not None
    assert (claim.attempt, claim.fencing_token, claim.arguments) == (1, 1, {"a": 1})
    assert service.read(unit.session, job.id)[0].state == State.RUNNING


def test_a_claimed_item_cannot_be_claimed_again(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    service.start(unit, queue, new_job(items=("000001",)))
    assert claim_item(unit.session) is not None
    assert claim_item(unit.session) is None


def test_an_expired_lease_is_replaced_and_the_old_claim_rejected(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    service.start(unit, queue, new_job(items=("000001",)))
    old = claim_item(unit.session, EXPIRED)
    assert old is not None
    assert claim_item(unit.session) is None
    assert service.sweep(unit.session, max_attempts=2) == 1
    new = claim_item(unit.session)
    assert new is not None
    assert new.fencing_token == old.fencing_token + 1
    assert not claims.extend_lease(unit.session, old, LEASE)
    with pytest.raises(LeaseLostError):
        claims.settle(unit.session, old, State.DONE, {})
    claims.settle(unit.session, new, State.DONE, {})


def test_the_last_item_ends_the_job(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, new_job())
    for subject in ("000001", "000002"):
        claim = claim_of(unit.session, subject)
        claims.settle(unit.session, claim, State.DONE, {"fiches": 3})
        service.end_when_complete(unit.session, job.id)
        expected = State.RUNNING if subject == "000001" else State.DONE
        assert service.read(unit.session, job.id)[0].state == expected
    assert repository.sum_outcomes(unit.session, job.id) == {"fiches": 6}


def test_a_requeued_item_is_not_due_before_its_delay_ends(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    service.start(unit, queue, new_job(items=("000001",)))
    claim = claim_of(unit.session, "000001")
    assert claims.requeue(unit.session, claim, timedelta(hours=1), {"title": "passing"})
    assert claim_item(unit.session) is None
    assert claims.requeue(unit.session, claim, timedelta(0), {}) is False


def test_a_cancelled_job_rejects_the_result_of_a_running_item(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    job = service.start(unit, queue, new_job())
    claim = claim_of(unit.session, "000001")
    service.cancel(unit.session, job.id)
    ended, counts = service.read(unit.session, job.id)
    assert (ended.state, counts.cancelled) == (State.CANCELLED, 2)
    with pytest.raises(LeaseLostError):
        claims.settle(unit.session, claim, State.DONE, {})


def test_a_delivery_is_cancelled_before_it_runs_only(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    new = service.NewJob(APPLY_DELIVERY, Lane.BULK, "d", ("d",), "tests")
    job = service.start(unit, queue, new)
    claim = claim_of(unit.session, "d")
    with pytest.raises(Conflict, match="wait for it"):
        service.cancel(unit.session, job.id)
    assert claims.requeue(unit.session, claim, timedelta(0), {})
    assert service.cancel(unit.session, job.id).state == State.CANCELLED


def test_a_job_that_has_ended_cannot_be_cancelled(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, new_job(items=()))
    with pytest.raises(Conflict):
        service.cancel(unit.session, job.id)


def test_a_retry_is_a_new_job_of_the_failed_items(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, new_job(items=("000001", "000002", "000003")))
    problem = {"title": "t"}
    claims.settle(unit.session, claim_of(unit.session, "000001"), State.DONE, {})
    claims.settle(unit.session, claim_of(unit.session, "000002"), State.FAILED, {}, problem)
    with_failures = claim_of(unit.session, "000003")
    repository.add_failures(unit.session, with_failures.item_id, [("student", problem)])
    claims.settle(unit.session, with_failures, State.DONE, {})
    service.end_when_complete(unit.session, job.id)
    again = service.retry_failed(unit, queue, job.id, "tests")
    failures = repository.page_of_failures(unit.session, job.id, PageSelection(10))
    assert service.read(unit.session, again.id)[1].queued == 2
    assert (failures.total, [(item, subject) for item, subject, _ in failures.rows]) == (
        2,
        [("000002", "000002"), ("000003", "student")],
    )


def test_a_job_without_failures_cannot_be_retried(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    job = service.start(unit, queue, new_job(items=()))
    with pytest.raises(Conflict):
        service.retry_failed(unit, queue, job.id, "tests")


def test_an_unknown_job_is_not_found(session: Session) -> None:
    with pytest.raises(ResourceNotFound):
        service.read(session, uuid4())


def test_the_sweeper_fails_exhausted_items_with_a_problem(
    unit: UnitOfWork, queue: WakeUpQueue
) -> None:
    job = service.start(unit, queue, new_job(items=("000001",)))
    for _ in range(2):
        assert claim_item(unit.session, EXPIRED) is not None
        service.sweep(unit.session, max_attempts=2)
    ended, counts = service.read(unit.session, job.id)
    failures = repository.page_of_failures(unit.session, job.id, PageSelection(1))
    assert (ended.state, counts.failed) == (State.FAILED, 1)
    problem = failures.rows[0].problem
    assert problem is not None
    assert "2 times" in problem["detail"]


def test_a_sweep_keeps_items_with_a_valid_lease(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    service.start(unit, queue, new_job(items=("000001",)))
    claim = claim_item(unit.session)
    assert claim is not None
    assert service.sweep(unit.session, max_attempts=1) == 0
    assert claims.extend_lease(unit.session, claim, LEASE)


@pytest.mark.usefixtures("no_jobs")
def test_concurrent_requests_for_the_same_work_get_one_job(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    barrier, ids = Barrier(8), set[UUID]()

    def start_job() -> None:
        barrier.wait()
        with UnitOfWork(sessions) as unit:
            ids.add(service.start(unit, queue, new_job("at-once")).id)

    threads = [Thread(target=start_job) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1


@pytest.mark.usefixtures("no_jobs")
def test_two_workers_with_a_lock_on_the_job_settle_concurrently(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    with UnitOfWork(sessions) as unit:
        job = service.start(unit, queue, new_job("two-at-once"))
    barrier = Barrier(2)

    def work() -> None:
        with UnitOfWork(sessions) as unit:
            claim = claim_item(unit.session)
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
