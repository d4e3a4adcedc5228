"""SQL of claims: the lease of a worker on a job item, and the fencing token that proves it."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from shared.core.errors import DomainError
from shared.jobs.models import JobItem
from shared.jobs.rules import MAX_RETRY_SECONDS, Lane, State


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of a worker on an item; `fencing_token` proves it in every commit of the worker.

    `trace_id` is that of the request that started the job. `waits` counts the latest attempts in a
    row that ended because a server was not available. `repeats` counts how often a delivery has
    queued the item again after it was done.
    `lost` is set as soon as the worker knows that it has lost the claim. An item whose arguments
    cannot be read has none, and is not `is_readable`.
    """

    item_id: UUID
    job_id: UUID
    kind: str
    lane: str
    subject: str
    arguments: dict[str, Any]
    attempt: int
    fencing_token: int
    trace_id: str | None = None
    waits: int = 0
    repeats: int = 0
    is_readable: bool = True
    lost: Event = field(default_factory=Event, compare=False)

    def require_readable(self) -> None:
        """Raise an error if the arguments of the job cannot be read, which no attempt changes.

        Raises:
            DomainError: the item fails with it.
        """
        if not self.is_readable:
            raise DomainError(
                "unreadableArguments",
                "The arguments of its job cannot be read; start a new job, and find out who added "
                "this one.",
            )

    def require_held(self) -> None:
        """Raise an error if the claim is lost; long work checks this often, to stop soon.

        Raises:
            LeaseLostError: when the work can no longer be committed.
        """
        if self.lost.is_set():
            raise LeaseLostError(f"item {self.item_id} was cancelled or claimed by another worker")


class LeaseLostError(Exception):
    """The item was cancelled or claimed by another worker, so nothing may be committed."""


_QUEUED: ColumnElement[str] = literal_column("'queued'")
_RUNNING: ColumnElement[str] = literal_column("'running'")
"""Literals in the statement: with parameters, the partial indexes are not used."""

_NOT_WAITING: dict[str, Any] = {"waits": 0, "waiting_for": None}

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
        returning job_items.id, job_id, subject, attempts, fencing_token, waits,
            repeats
    ), begun as (
        update jobs set state = 'running', started_at = now()
        from taken where jobs.id = taken.job_id and jobs.state = 'queued'
    )
    select taken.id as item_id, job_id, kind, lane, taken.subject,
        cast(arguments as text) as arguments, attempts as attempt, fencing_token,
        trace_id, waits, repeats
    from taken join jobs on jobs.id = job_id
""")
"""Claims an item of the least recently served job in the first lane that has work.

One round trip. Claims do not wait for each other, except when two start the same job at once.
"""


_SETTLE = text("""
    update job_items
    set state = :state, outcome = :outcome, problem = :problem,
        lease_until_at = null, finished_at = clock_timestamp(), waits = 0, waiting_for = null
    where id = :item_id and state = 'running' and fencing_token = :fencing_token
    returning id
""").bindparams(
    bindparam("outcome", type_=JobItem.__table__.c.outcome.type),
    bindparam("problem", type_=JobItem.__table__.c.problem.type),
)
"""Constructed once: every item needs it, and to construct it takes longer than to execute it."""


def claim(
    session: Session, kinds: Collection[str], lanes: Sequence[Lane], lease: timedelta
) -> Claim | None:
    """Claim the next item of these kinds, in the order of the lanes; None when no item is due.

    Jobs of a lane take turns, so that a new job does not wait for the end of a large one.
    """
    wanted = {"kinds": list(kinds), "lanes": list(lanes), "lease": lease}
    row = session.execute(_CLAIM, wanted).mappings().one_or_none()
    if row is None:
        return None
    try:
        arguments = json.loads(row["arguments"])
    except (ValueError, RecursionError):  # the next claim would take the same item
        return Claim(**{**row, "arguments": {}, "is_readable": False})
    return Claim(**{**row, "arguments": arguments})


def extend_lease(session: Session, claimed: Claim, lease: timedelta) -> bool:
    """Extend the lease (a heartbeat); False when the claim is lost."""
    extended = session.scalar(
        _update_claimed(claimed).values(lease_until_at=func.now() + lease).returning(JobItem.id)
    )
    return extended is not None


def settle(
    session: Session, claimed: Claim, state: State, outcome: dict[str, Any], problem: Any = None
) -> None:
    """Write the final state of a claimed item.

    Raises:
        LeaseLostError: when the claim is lost; the transaction must not be committed.
    """
    values = {
        "item_id": claimed.item_id,
        "fencing_token": claimed.fencing_token,
        "state": state,
        "outcome": outcome,
        "problem": problem,
    }
    ended = session.scalar(_SETTLE, values)
    if ended is None:
        raise LeaseLostError(
            f"item {claimed.item_id} is no longer claimed with token {claimed.fencing_token}"
        )


def requeue(session: Session, claimed: Claim, delay: timedelta, problem: dict[str, Any]) -> bool:
    """Requeue a claimed item with a delay; False when the claim is lost."""
    queued = session.scalar(
        _update_claimed(claimed)
        .values(
            state=State.QUEUED,
            lease_until_at=None,
            due_at=func.now() + delay,
            problem=problem,
            **_NOT_WAITING,
        )
        .returning(JobItem.id)
    )
    return queued is not None


def wait(session: Session, claimed: Claim, delay: timedelta, waiting_for: str) -> bool:
    """Requeue a claimed item that waits for a server; False when the claim is lost.

    The attempt does not count.
    """
    queued = session.scalar(
        _update_claimed(claimed)
        .values(
            state=State.QUEUED,
            lease_until_at=None,
            due_at=func.now() + delay,
            attempts=JobItem.attempts - 1,
            waits=JobItem.waits + 1,
            waiting_for=waiting_for,
        )
        .returning(JobItem.id)
    )
    return queued is not None


def limit_far_moments(session: Session, lease: timedelta) -> int:
    """Bring moments closer that are further ahead than any that is ever set; return their number.

    They were set before the clock of the database went back. A worker that runs renews its lease.
    """
    is_far = JobItem.due_at > func.now() + timedelta(seconds=MAX_RETRY_SECONDS)
    due = update(JobItem).where(JobItem.state == _QUEUED, is_far).values(due_at=func.now())
    latest = func.now() + lease
    leased = (
        update(JobItem)
        .where(JobItem.state == _RUNNING, JobItem.lease_until_at > latest)
        .values(lease_until_at=latest)
    )
    changed = (session.scalars(query.returning(JobItem.id)).all() for query in (due, leased))
    return sum(len(items) for items in changed)


def requeue_expired(session: Session, limit: int) -> int:
    """Requeue items whose lease has expired; return their number."""
    returned = session.scalars(
        update(JobItem)
        .where(JobItem.id.in_(_expired_items(limit)))
        .values(state=State.QUEUED, lease_until_at=None, due_at=func.now())
        .returning(JobItem.id)
    )
    return len(returned.all())


def fail_exhausted(
    session: Session, max_attempts: int, problem: dict[str, Any], limit: int
) -> Sequence[UUID]:
    """Fail items that have an expired lease and no attempts left; return their jobs."""
    return session.scalars(
        update(JobItem)
        .where(JobItem.id.in_(_expired_items(limit).where(JobItem.attempts >= max_attempts)))
        .values(state=State.FAILED, lease_until_at=None, finished_at=func.now(), problem=problem)
        .returning(JobItem.job_id)
    ).all()


def _expired_items(limit: int) -> Select[UUID]:
    """Select items whose lease has expired; concurrent sweepers lock different items."""
    return (
        select(JobItem.id)
        .where(JobItem.state == _RUNNING, JobItem.lease_until_at < func.now())
        .order_by(JobItem.lease_until_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _update_claimed(claimed: Claim) -> Any:
    return update(JobItem).where(
        JobItem.id == claimed.item_id,
        JobItem.state == State.RUNNING,
        JobItem.fencing_token == claimed.fencing_token,
    )
