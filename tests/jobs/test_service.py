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
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane, State

LEASE = timedelta(seconds=30)


def order(subject: str = "2024", items: tuple[str, ...] = ("000001", "000002")) -> service.Order:
    return service.Order(BUILD_DOCUMENTS, Lane.BULK, subject, items, "tests", {"a": 1})


def claimed(session: Session, job: Job, subject: str) -> Claim:
    for item_id in repository.item_ids(session, job.id, State.QUEUED):
        claim = claims.claim(session, item_id, LEASE)
        assert claim is not None
        if claim.subject == subject:
            return claim
        claims.put_back(session, claim, timedelta(0), {})
    raise AssertionError(subject)


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


def test_a_claim_starts_the_job_and_raises_the_fence(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    claim = claimed(session, job, "000001")
    assert (claim.attempt, claim.fence >= 1, claim.arguments) == (1, True, {"a": 1})
    assert service.read(session, job.id)[0].state == State.RUNNING


def test_a_held_item_cannot_be_claimed_again(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order(items=("000001",)))
    claim = claimed(session, job, "000001")
    assert claims.claim(session, claim.item_id, LEASE) is None


def test_an_expired_lease_is_taken_over_and_the_old_holder_refused(
    session: Session, queue: WakeUpQueue
) -> None:
    job = service.start(session, queue, order(items=("000001",)))
    (item_id,) = repository.item_ids(session, job.id, State.QUEUED)
    old = claims.claim(session, item_id, timedelta(seconds=-1))
    new = claims.claim(session, item_id, LEASE)
    assert old is not None
    assert new is not None
    assert new.fence == old.fence + 1
    assert not claims.extend_lease(session, old, LEASE)
    with pytest.raises(LeaseLostError):
        claims.settle(session, old, State.DONE, {})
    claims.settle(session, new, State.DONE, {})


def test_the_last_item_ends_the_job(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    for subject in ("000001", "000002"):
        claim = claimed(session, job, subject)
        claims.settle(session, claim, State.DONE, {"fiches": 3})
        service.end_when_complete(session, job.id)
        expected = State.RUNNING if subject == "000001" else State.DONE
        assert service.read(session, job.id)[0].state == expected
    assert repository.sum_outcomes(session, job.id) == {"fiches": 6}


def test_an_item_put_back_is_not_due_before_its_time(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order(items=("000001",)))
    claim = claimed(session, job, "000001")
    assert claims.put_back(session, claim, timedelta(hours=1), {"title": "passing"})
    assert claims.claim(session, claim.item_id, LEASE) is None
    assert service.sweep(session, queue, timedelta(0)) == 0


def test_a_cancelled_job_refuses_what_was_under_way(session: Session, queue: WakeUpQueue) -> None:
    job = service.start(session, queue, order())
    claim = claimed(session, job, "000001")
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
    claims.settle(session, claimed(session, job, "000001"), State.DONE, {})
    claims.settle(session, claimed(session, job, "000002"), State.FAILED, {}, problem)
    partly = claimed(session, job, "000003")
    repository.replace_failures(session, partly.item_id, [("student", problem)])
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


def test_a_sweep_finds_what_was_not_asked_for_lately(session: Session, queue: WakeUpQueue) -> None:
    service.start(session, queue, order())
    assert service.sweep(session, queue, timedelta(hours=1)) == 0
    assert service.sweep(session, queue, timedelta(seconds=-1)) == 2


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


def test_two_workers_that_refer_to_the_job_settle_at_the_same_moment(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    with transaction(sessions) as session:
        job = service.start(session, queue, order("two-at-once"))
        ids = repository.item_ids(session, job.id, State.QUEUED)
    barrier = Barrier(2)

    def work(item_id: UUID) -> None:
        with transaction(sessions) as session:
            claim = claims.claim(session, item_id, LEASE)
        assert claim is not None
        with transaction(sessions) as session:
            session.execute(text("select from jobs where id = :id for key share"), {"id": job.id})
            barrier.wait(timeout=10)
            claims.settle(session, claim, State.DONE, {})
            service.end_when_complete(session, job.id)

    with ThreadPoolExecutor(2) as pool:
        for settled in [pool.submit(work, item_id) for item_id in ids]:
            settled.result(timeout=30)
    with transaction(sessions) as session:
        assert service.read(session, job.id)[0].state == State.DONE
