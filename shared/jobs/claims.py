"""SQL of a worker's hold on an item: taken with a lease, proved with a fencing number."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, update
from sqlalchemy.orm import Session

from shared.jobs.models import Job, JobItem
from shared.jobs.rules import State


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on an item; `fence` proves it to whatever the worker commits."""

    item_id: UUID
    job_id: UUID
    kind: str
    lane: str
    subject: str
    arguments: dict[str, Any]
    attempt: int
    fence: int


class LeaseLostError(Exception):
    """Another worker has taken the item over, or it was cancelled; nothing may be committed."""


def claim(session: Session, item_id: UUID, lease: timedelta) -> Claim | None:
    """Takes an item that is due, or whose holder has shown no sign of life; None otherwise."""
    row = session.execute(
        update(JobItem)
        .where(
            JobItem.id == item_id,
            or_(
                and_(JobItem.state == State.QUEUED, JobItem.due_at <= func.now()),
                and_(JobItem.state == State.RUNNING, JobItem.lease_until_at < func.now()),
            ),
        )
        .values(
            state=State.RUNNING,
            fence=JobItem.fence + 1,
            attempts=JobItem.attempts + 1,
            lease_until_at=func.now() + lease,
            started_at=func.coalesce(JobItem.started_at, func.now()),
        )
        .returning(JobItem.job_id, JobItem.subject, JobItem.attempts, JobItem.fence)
    ).one_or_none()
    if row is None:
        return None
    job = session.execute(
        update(Job)
        .where(Job.id == row.job_id, Job.state == State.QUEUED)
        .values(state=State.RUNNING, started_at=func.now())
        .returning(Job)
    ).scalar_one_or_none() or session.get_one(Job, row.job_id)
    return Claim(
        item_id, job.id, job.kind, job.lane, row.subject, job.arguments, row.attempts, row.fence
    )


def extend_lease(session: Session, held: Claim, lease: timedelta) -> bool:
    """Shows a sign of life; False when the item is no longer this worker's."""
    extended = session.scalar(
        _held(held).values(lease_until_at=func.now() + lease).returning(JobItem.id)
    )
    return extended is not None


def settle(
    session: Session, held: Claim, state: State, outcome: dict[str, Any], problem: Any = None
) -> None:
    """Ends a held item.

    Raises:
        LeaseLostError: when it is no longer held; the transaction must not be committed.
    """
    ended = session.scalar(
        _held(held)
        .values(
            state=state,
            lease_until_at=None,
            finished_at=func.now(),
            outcome=outcome,
            problem=problem,
        )
        .returning(JobItem.id)
    )
    if ended is None:
        raise LeaseLostError(f"item {held.item_id} is no longer held with fence {held.fence}")


def put_back(session: Session, held: Claim, delay: timedelta, problem: dict[str, Any]) -> bool:
    """Queues a held item again for later; False when it is no longer held."""
    queued = session.scalar(
        _held(held)
        .values(
            state=State.QUEUED,
            lease_until_at=None,
            due_at=func.now() + delay,
            nudged_at=None,
            problem=problem,
        )
        .returning(JobItem.id)
    )
    return queued is not None


def _held(held: Claim) -> Any:
    return update(JobItem).where(
        JobItem.id == held.item_id,
        JobItem.state == State.RUNNING,
        JobItem.fence == held.fence,
    )
