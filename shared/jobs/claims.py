"""SQL of the claim of a worker on an item: a lease, and a fencing token that proves it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, select, text, update
from sqlalchemy.orm import Session

from shared.jobs.models import JobItem
from shared.jobs.rules import Lane, State


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of a worker on an item; `fencing_token` proves it in every commit of the worker.

    `lost` is set as soon as the worker knows that it has lost the claim.
    """

    item_id: UUID
    job_id: UUID
    kind: str
    lane: str
    subject: str
    arguments: dict[str, Any]
    attempt: int
    fencing_token: int
    lost: Event = field(default_factory=Event, compare=False)

    def require_held(self) -> None:
        """Raise when the claim is lost; long work calls it often, to end a cancelled item soon.

        Raises:
            LeaseLostError: when the work cannot be committed any more.
        """
        if self.lost.is_set():
            raise LeaseLostError(f"item {self.item_id} was cancelled or claimed by another worker")


class LeaseLostError(Exception):
    """Another worker has claimed the item, or it was cancelled; nothing may be committed."""


_CLAIM = text("""
    with best as (
        select item.id
        from (
            select id from jobs
            where state in ('queued', 'running') and kind = any(:kinds)
            order by array_position(cast(:lanes as text[]), cast(lane as text)),
                (select max(started_at) from job_items where job_id = jobs.id) nulls first,
                created_at
        ) as job
        cross join lateral (
            select id from job_items
            where job_id = job.id and state = 'queued' and due_at <= now()
            order by due_at limit 1 for update skip locked
        ) as item
        limit 1
    ), taken as (
        update job_items
        set state = 'running', fencing_token = fencing_token + 1, attempts = attempts + 1,
            lease_until_at = now() + :lease, started_at = now()
        from best where job_items.id = best.id
        returning job_items.id, job_id, subject, attempts, fencing_token
    ), begun as (
        update jobs set state = 'running', started_at = now()
        from taken where jobs.id = taken.job_id and jobs.state = 'queued'
    )
    select taken.id, job_id, kind, lane, taken.subject, arguments, attempts, fencing_token
    from taken join jobs on jobs.id = job_id
""")
"""Claims an item of the job least recently served in the first lane that has work.

One round trip. No claim waits for another, except two that begin the same job at the same moment.
"""


def claim(
    session: Session, kinds: Collection[str], lanes: Sequence[Lane], lease: timedelta
) -> Claim | None:
    """Claim the next item of these kinds, the first lane first; None when no item is due.

    Within a lane jobs are served in turn, so that a second country does not wait for the first.
    """
    wanted = {"kinds": list(kinds), "lanes": list(lanes), "lease": lease}
    row = session.execute(_CLAIM, wanted).one_or_none()
    return None if row is None else Claim(*row)


def extend_lease(session: Session, claimed: Claim, lease: timedelta) -> bool:
    """Extend the lease (a heartbeat); False when the claim is lost."""
    extended = session.scalar(
        _claimed(claimed).values(lease_until_at=func.now() + lease).returning(JobItem.id)
    )
    return extended is not None


def settle(
    session: Session, claimed: Claim, state: State, outcome: dict[str, Any], problem: Any = None
) -> None:
    """End a claimed item.

    Raises:
        LeaseLostError: when the claim is lost; the transaction must not be committed.
    """
    ended = session.scalar(
        _claimed(claimed)
        .values(
            state=state,
            lease_until_at=None,
            finished_at=func.clock_timestamp(),
            outcome=outcome,
            problem=problem,
        )
        .returning(JobItem.id)
    )
    if ended is None:
        raise LeaseLostError(
            f"item {claimed.item_id} is not claimed with token {claimed.fencing_token} any more"
        )


def requeue(session: Session, claimed: Claim, delay: timedelta, problem: dict[str, Any]) -> bool:
    """Queue a claimed item again for later; False when the claim is lost."""
    queued = session.scalar(
        _claimed(claimed)
        .values(
            state=State.QUEUED,
            lease_until_at=None,
            due_at=func.now() + delay,
            problem=problem,
        )
        .returning(JobItem.id)
    )
    return queued is not None


def requeue_expired(session: Session, limit: int) -> int:
    """Queue items again whose lease has expired; return their number."""
    returned = session.scalars(
        update(JobItem)
        .where(JobItem.id.in_(_expired(limit)))
        .values(state=State.QUEUED, lease_until_at=None, due_at=func.now())
        .returning(JobItem.id)
    )
    return len(returned.all())


def fail_exhausted(
    session: Session, max_attempts: int, problem: dict[str, Any], limit: int
) -> Sequence[UUID]:
    """Fail items whose lease has expired and that have no attempt left; return their jobs."""
    return session.scalars(
        update(JobItem)
        .where(JobItem.id.in_(_expired(limit).where(JobItem.attempts >= max_attempts)))
        .values(state=State.FAILED, lease_until_at=None, finished_at=func.now(), problem=problem)
        .returning(JobItem.job_id)
    ).all()


def _expired(limit: int) -> Select[UUID]:
    """Select items whose lease has expired; two sweepers never lock the same ones."""
    running: ColumnElement[str] = literal_column("'running'")  # a parameter would miss the index
    return (
        select(JobItem.id)
        .where(JobItem.state == running, JobItem.lease_until_at < func.now())
        .order_by(JobItem.lease_until_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _claimed(claimed: Claim) -> Any:
    return update(JobItem).where(
        JobItem.id == claimed.item_id,
        JobItem.state == State.RUNNING,
        JobItem.fencing_token == claimed.fencing_token,
    )
