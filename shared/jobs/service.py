"""Use cases of jobs: start a job, read its progress, cancel it, retry the failed items."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.core.errors import Conflict, ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, repository
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import (
    ENDED,
    PACE_PERIOD,
    UNINTERRUPTED,
    Counts,
    Lane,
    Pace,
    State,
    attempts_exhausted_problem,
    final_state,
    pace_of,
    partly_failed_problem,
)

SWEEP_BATCH = 500


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to start: `subject` identifies the whole work, `items` its parts.

    `trace_id` is that of the request that starts it.
    """

    kind: str
    lane: Lane
    subject: str
    items: Sequence[str]
    requested_by: str
    arguments: dict[str, Any] = field(default_factory=dict)
    trace_id: str | None = None


def start(unit: UnitOfWork, queue: WakeUpQueue, new: NewJob) -> Job:
    """Start a job, or return the active one for the same work.

    Its rows are written in the caller's transaction; a worker is woken after the commit. A job
    without items is done immediately.
    """
    session = unit.session
    values: dict[str, Any] = {
        "kind": new.kind,
        "lane": new.lane,
        "subject": new.subject,
        "requested_by": new.requested_by,
        "arguments": new.arguments,
        "trace_id": new.trace_id,
    }
    if not new.items:
        values |= {"state": State.DONE, "finished_at": database_now(session)}
    job_id = repository.add_job(session, values, new.items)
    if job_id is None:
        active = repository.find_active(session, new.kind, new.subject)
        return active if active is not None else start(unit, queue, new)
    unit.after_commit(lambda: queue.wake(new.kind))
    return _require_job(session, job_id)


def read(session: Session, job_id: UUID) -> tuple[Job, Counts]:
    """Return the job with the counts of its items.

    Raises:
        ResourceNotFound: when there is no such job.
    """
    job = _require_job(session, job_id)
    return job, repository.count_items(session, job_id)


def measure_pace(session: Session, job: Job, counts: Counts) -> Pace | None:
    """Return the pace of a running job.

    None when it is not running or waits for a server, or when no item ended recently.
    """
    if job.state != State.RUNNING or counts.waiting_for:
        return None
    return pace_of(counts, *repository.ended_recently(session, job.id, PACE_PERIOD))


def cancel(session: Session, job_id: UUID) -> Job:
    """Cancel a job; finished items stay, running items can no longer be committed.

    Items are locked before the job, in the order of the workers, so that no deadlock occurs.

    Raises:
        ResourceNotFound: when there is no such job.
        Conflict: when the job has ended, or runs and is not interrupted.
    """
    job = _require_job(session, job_id)
    if job.state not in ENDED:
        states = {State.QUEUED} if job.kind in UNINTERRUPTED else {State.QUEUED, State.RUNNING}
        repository.cancel_items(session, job_id, states)
    if _lock_job(session, job_id) in ENDED:
        raise Conflict("jobEnded", "The job has already ended; start a new one.")
    if repository.has_active_items(session, job_id):
        raise Conflict("jobActive", "A running job of this kind is not interrupted; wait for it.")
    repository.set_state(session, job_id, State.CANCELLED)
    return _require_job(session, job_id)


def retry_failed(
    unit: UnitOfWork,
    queue: WakeUpQueue,
    job_id: UUID,
    requested_by: str,
    trace_id: str | None = None,
) -> Job:
    """Start a new job for the items that failed, entirely or in part."""
    session = unit.session
    job = _require_job(session, job_id)
    if job.state not in ENDED:
        raise Conflict("jobActive", "The job has not ended; wait or cancel it.")
    items = repository.failed_subjects(session, job_id)
    if not items:
        raise Conflict("nothingFailed", "Nothing in this job failed.")
    lane = Lane(job.lane)
    new = NewJob(job.kind, lane, job.subject, items, requested_by, job.arguments, trace_id)
    return start(unit, queue, new)


def end_when_complete(session: Session, job_id: UUID) -> None:
    """Write the final state of the job if none of its items is queued or running.

    Called in the transaction that settles an item. Due to the lock, one of the last two items that
    settle at the same time sees the other.
    """
    if _lock_job(session, job_id) in ENDED or repository.has_active_items(session, job_id):
        return
    counts = repository.count_items(session, job_id)
    state = final_state(counts)
    problem = partly_failed_problem(counts) if state == State.DONE else None
    repository.set_state(session, job_id, state, problem)


def sweep(session: Session, max_attempts: int) -> int:
    """Requeue items whose lease has expired; idle workers find them.

    An item without attempts left fails. Return the number of items changed.
    """
    reason = attempts_exhausted_problem(max_attempts)
    failed = claims.fail_exhausted(session, max_attempts, reason, SWEEP_BATCH)
    for job_id in sorted(set(failed)):
        end_when_complete(session, job_id)
    return len(failed) + claims.requeue_expired(session, SWEEP_BATCH)


def _require_job(session: Session, job_id: UUID) -> Job:
    job = repository.find_job(session, job_id)
    if job is None:
        raise ResourceNotFound
    return job


def _lock_job(session: Session, job_id: UUID) -> str:
    state = repository.lock_job(session, job_id)
    if state is None:
        raise ResourceNotFound
    return state
