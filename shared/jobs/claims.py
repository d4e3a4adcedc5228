"""SQL of a worker's hold on an item: taken with a lease, proved with a fencing number."""

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
    """A worker's hold on an item; `fence` proves it to whatever the worker commits.

    `lost` is set as soon as the worker knows that the item is its own no more.
    """

    item_id: UUID
    job_id: UUID
    kind: str
    lane: str
    subject: str
    arguments: dict[str, Any]
    attempt: int
    fence: int
    lost: Event = field(default_factory=Event, compare=False)

    def require_held(self) -> None:
        """To be called now and then by whoever works long, so that a cancelled item ends soon.

        Raises:
            LeaseLostError: when what is being made cannot be committed any more.
        """
        if self.lost.is_set():
            raise LeaseLostError(f"item {self.item_id} was cancelled or taken over")


class LeaseLostError(Exception):
    """Another worker has taken the item over, or it was cancelled; nothing may be committed."""


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
        set state = 'running', fence = fence + 1, attempts = attempts + 1,
            lease_until_at = now() + :lease, started_at = now()
        from best where job_items.id = best.id
        returning job_items.id, job_id, subject, attempts, fence
    ), begun as (
        update jobs set state = 'running', started_at = now()
        from taken where jobs.id = taken.job_id and jobs.state = 'queued'
    )
    select taken.id, job_id, kind, lane, taken.subject, arguments, attempts, fence
    from taken join jobs on jobs.id = job_id
""")
"""The job least recently served in the first lane that has work, in one round trip.

Nobody waits for another's claim, but for those who begin the same job at the same moment.
"""


def claim(
    session: Session, kinds: Collection[str], lanes: Sequence[Lane], lease: timedelta
) -> Claim | None:
    """Takes the item whose turn it is, of these kinds, the first lane first; None when none is due.

    Within a lane jobs take turns, so that a second country does not wait for the first.
    """
    wanted = {"kinds": list(kinds), "lanes": list(lanes), "lease": lease}
    row = session.execute(_CLAIM, wanted).one_or_none()
    return None if row is None else Claim(*row)


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
            finished_at=func.clock_timestamp(),
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
            problem=problem,
        )
        .returning(JobItem.id)
    )
    return queued is not None


def take_back(session: Session, limit: int) -> int:
    """Queues items again whose holders have shown no sign of life; how many."""
    returned = session.scalars(
        update(JobItem)
        .where(JobItem.id.in_(_expired(limit)))
        .values(state=State.QUEUED, lease_until_at=None, due_at=func.now())
        .returning(JobItem.id)
    )
    return len(returned.all())


def give_up(
    session: Session, max_attempts: int, problem: dict[str, Any], limit: int
) -> Sequence[UUID]:
    """Ends such items that were tried often enough; the jobs they belong to."""
    return session.scalars(
        update(JobItem)
        .where(JobItem.id.in_(_expired(limit).where(JobItem.attempts >= max_attempts)))
        .values(state=State.FAILED, lease_until_at=None, finished_at=func.now(), problem=problem)
        .returning(JobItem.job_id)
    ).all()


def _expired(limit: int) -> Select[UUID]:
    """Several sweepers never take the same ones."""
    running: ColumnElement[str] = literal_column("'running'")  # a parameter would miss the index
    return (
        select(JobItem.id)
        .where(JobItem.state == running, JobItem.lease_until_at < func.now())
        .order_by(JobItem.lease_until_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _held(held: Claim) -> Any:
    return update(JobItem).where(
        JobItem.id == held.item_id,
        JobItem.state == State.RUNNING,
        JobItem.fence == held.fence,
    )
