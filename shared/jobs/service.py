"""Use cases of jobs: ask for one, follow it, cancel it, run again what failed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.database import after_commit
from shared.core.errors import Conflict, ResourceNotFound
from shared.jobs import claims, repository
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import (
    ENDED,
    PACE_OVER,
    Counts,
    Lane,
    Pace,
    State,
    attempts_exhausted,
    ended_state,
    pace_of,
)

SWEEP_BATCH = 500


@dataclass(frozen=True, slots=True)
class Order:
    """A job to be made: `subject` names the work as a whole, `items` its parts."""

    kind: str
    lane: Lane
    subject: str
    items: Sequence[str]
    requested_by: str
    arguments: dict[str, Any] = field(default_factory=dict)


def start(session: Session, queue: WakeUpQueue, order: Order) -> Job:
    """The new job, or the one for the same work that is already active.

    Its rows stand in the caller's transaction; a worker is woken once that is committed. A job
    without items is done at once.
    """
    values = {
        "kind": order.kind,
        "lane": order.lane,
        "subject": order.subject,
        "requested_by": order.requested_by,
        "arguments": order.arguments,
    }
    job_id = repository.add_job(session, values, order.items)
    if job_id is None:
        active = repository.find_active(session, order.kind, order.subject)
        return active if active is not None else start(session, queue, order)
    after_commit(session, lambda: queue.wake(order.kind))
    end_when_complete(session, job_id)
    return _existing(session, job_id)


def read(session: Session, job_id: UUID) -> tuple[Job, Counts]:
    """The job with the counts of its items.

    Raises:
        ResourceNotFound: when there is no such job.
    """
    job = _existing(session, job_id)
    return job, repository.count_items(session, job_id)


def measure_pace(session: Session, job: Job, counts: Counts) -> Pace | None:
    """How fast a job gets on; None while it waits, once it has ended, and when it stands still."""
    if job.state != State.RUNNING:
        return None
    return pace_of(counts, *repository.ended_lately(session, job.id, PACE_OVER))


def cancel(session: Session, job_id: UUID) -> Job:
    """Ends a job; what is finished stays, what is under way cannot be committed any more.

    Items before the job, as workers take them, so that neither waits for the other.
    """
    if _existing(session, job_id).state not in ENDED:
        repository.cancel_active(session, job_id)
    if _locked_state(session, job_id) in ENDED:
        raise Conflict("jobEnded", "The job has already ended; start a new one.")
    repository.set_state(session, job_id, State.CANCELLED)
    return _existing(session, job_id)


def retry_failed(session: Session, queue: WakeUpQueue, job_id: UUID, requested_by: str) -> Job:
    """A new job for just the items that failed, as a whole or in part."""
    job = _existing(session, job_id)
    if job.state not in ENDED:
        raise Conflict("jobActive", "The job has not ended; wait or cancel it.")
    items = repository.failed_subjects(session, job_id)
    if not items:
        raise Conflict("nothingFailed", "Nothing in this job failed.")
    lane = Lane(job.lane)
    return start(
        session, queue, Order(job.kind, lane, job.subject, items, requested_by, job.arguments)
    )


def end_when_complete(session: Session, job_id: UUID) -> None:
    """Ends the job if none of its items is waiting or under way any more.

    Called in the transaction that settles an item. The lock lets the last two items that settle
    at the same moment see each other.
    """
    if _locked_state(session, job_id) in ENDED or repository.has_active_items(session, job_id):
        return
    repository.set_state(session, job_id, ended_state(repository.count_items(session, job_id)))


def sweep(session: Session, queue: WakeUpQueue, max_attempts: int) -> int:
    """Takes items from workers that show no sign of life, and wakes one for whatever is due.

    An item that was tried often enough ends with a reason, though no worker comes for it any
    more. Returns how many were taken.
    """
    reason = attempts_exhausted(max_attempts)
    given_up = claims.give_up(session, max_attempts, reason, SWEEP_BATCH)
    for job_id in sorted(set(given_up)):
        end_when_complete(session, job_id)
    taken = claims.take_back(session, SWEEP_BATCH)
    for kind in repository.kinds_due(session):
        after_commit(session, partial(queue.wake, kind))
    return len(given_up) + taken


def _existing(session: Session, job_id: UUID) -> Job:
    job = repository.find_job(session, job_id)
    if job is None:
        raise ResourceNotFound
    return job


def _locked_state(session: Session, job_id: UUID) -> str:
    state = repository.lock_job(session, job_id)
    if state is None:
        raise ResourceNotFound
    return state
