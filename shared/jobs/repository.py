"""SQL of jobs and their items: every change of state is one conditional statement."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Interval,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows, page_of_scalars
from shared.jobs.models import Job, JobFailure, JobItem
from shared.jobs.rules import ENDED, Counts, State


class Failure(NamedTuple):
    """A failure of a job: the subject of its item, its own subject, and the problem."""

    item: str
    subject: str
    problem: dict[str, Any] | None


ACTIVE: BindParameter[Any] = bindparam(
    "active", (State.QUEUED, State.RUNNING), expanding=True, literal_execute=True
)
"""Literals in the statement: with parameters, a prepared plan could not use the partial indexes."""


def add_job(session: Session, values: dict[str, Any], subjects: Iterable[str]) -> UUID | None:
    """Add a job with an item per subject; None when the same work is active already."""
    job_id = session.scalar(
        upsert(Job)
        .values(**values)
        .on_conflict_do_nothing(
            index_elements=["kind", "subject"],
            index_where=text("state in ('queued', 'running')"),
        )
        .returning(Job.id)
    )
    if job_id is not None:
        rows = [{"job_id": job_id, "subject": subject} for subject in subjects]
        if rows:
            session.execute(insert(JobItem), rows)
    return job_id


def find_active(session: Session, kind: str, subject: str) -> Job | None:
    return session.scalar(
        select(Job).where(Job.kind == kind, Job.subject == subject, Job.state.in_(ACTIVE))
    )


def find_job(session: Session, job_id: UUID) -> Job | None:
    return session.get(Job, job_id, populate_existing=True)


def page_of_jobs(session: Session, selection: PageSelection) -> Page[Job]:
    """Return a page of the jobs, newest first."""
    newest = ListOrder(Job.created_at, Job.id, descending=True)
    return page_of_scalars(session, select(Job), newest, selection)


def count_items(session: Session, job_id: UUID) -> Counts:
    is_active = JobItem.state.in_(ACTIVE)
    rows = session.execute(
        select(JobItem.state, func.count(), func.max(JobItem.waiting_for).filter(is_active))
        .where(JobItem.job_id == job_id)
        .group_by(JobItem.state)
    ).all()
    failures = session.scalar(
        select(func.count())
        .select_from(JobFailure)
        .join(JobItem, JobItem.id == JobFailure.item_id)
        .where(JobItem.job_id == job_id)
    )
    return Counts(
        **{State(state).value: number for state, number, _ in rows},
        failures=failures or 0,
        waiting_for=next((waiting for _, _, waiting in rows if waiting), None),
    )


def ended_recently(session: Session, job_id: UUID, at_most: timedelta) -> tuple[int, timedelta]:
    """Return the number of items of a running job that ended recently, and the time span.

    The span is at most `at_most`, and not longer than the job has been running.
    """
    span = func.least(func.now() - Job.started_at, at_most, type_=Interval)
    ended = select(func.count()).where(
        JobItem.job_id == Job.id, JobItem.finished_at > func.now() - span
    )
    query = select(ended.scalar_subquery(), span).where(Job.id == job_id)
    ended_items, length = session.execute(query).one()
    return ended_items, length


def sum_outcomes(session: Session, job_id: UUID) -> dict[str, int]:
    """Return the totals of the counts in the outcomes of the items, by name."""
    pairs = func.jsonb_each_text(JobItem.outcome).table_valued("key", "value")
    query = (
        select(pairs.c.key, func.sum(pairs.c.value.cast(BigInteger)))
        .select_from(JobItem)
        .join(pairs, text("true"))
        .where(JobItem.job_id == job_id, JobItem.state == State.DONE)
        .group_by(pairs.c.key)
        .order_by(pairs.c.key)
    )
    return {key: int(value) for key, value in session.execute(query)}


def add_failures(
    session: Session, item_id: UUID, failures: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    """Add the failures inside an item: pairs of an opaque subject and a problem.

    This is done when the item is settled, so that no failure of an earlier attempt remains.
    """
    if failures:
        session.execute(
            insert(JobFailure),
            [{"item_id": item_id, "subject": s, "problem": p} for s, p in failures],
        )


def page_of_failures(session: Session, job_id: UUID, selection: PageSelection) -> Page[Failure]:
    """Return a page of the failures of a job by item; those of whole items have the number 0."""
    inside = (
        select(JobItem.subject.label("item"), JobFailure.subject, JobFailure.problem, JobFailure.id)
        .join(JobItem, JobItem.id == JobFailure.item_id)
        .where(JobItem.job_id == job_id)
    )
    whole = select(JobItem.subject, JobItem.subject, JobItem.problem, literal(0)).where(
        JobItem.job_id == job_id, JobItem.state == State.FAILED
    )
    both = inside.union_all(whole).subquery("failures")
    order = ListOrder(both.c.item, both.c.subject, both.c.id)
    return page_of_rows(session, select(*both.c[:3]), order, selection).map(Failure._make)


def cancel_items(session: Session, job_id: UUID, states: Iterable[State]) -> None:
    """Cancel the items in these states; a new fencing token prevents the commit of running ones."""
    session.execute(
        update(JobItem)
        .where(JobItem.job_id == job_id, JobItem.state.in_(states))
        .values(
            state=State.CANCELLED,
            lease_until_at=None,
            finished_at=func.now(),
            fencing_token=JobItem.fencing_token + 1,
        )
    )


def failed_subjects(session: Session, job_id: UUID) -> list[str]:
    """Return the subjects of items that failed, entirely or in part."""
    in_part = select(JobFailure.item_id)
    query = select(JobItem.subject).where(
        JobItem.job_id == job_id,
        or_(
            JobItem.state == State.FAILED,
            and_(JobItem.state == State.DONE, JobItem.id.in_(in_part)),
        ),
    )
    return list(session.scalars(query.order_by(JobItem.subject)))


_HAS_ACTIVE_ITEMS = select(
    exists().where(JobItem.job_id == bindparam("job_id"), JobItem.state.in_(ACTIVE))
)


def has_active_items(session: Session, job_id: UUID) -> bool:
    return bool(session.scalar(_HAS_ACTIVE_ITEMS, {"job_id": job_id}))


def set_state(session: Session, job_id: UUID, state: State, problem: Any = None) -> None:
    ended = func.clock_timestamp() if state in ENDED else None
    session.execute(
        update(Job).where(Job.id == job_id).values(state=state, finished_at=ended, problem=problem)
    )


_LOCKED_STATE = (
    select(Job.state).where(Job.id == bindparam("job_id")).with_for_update(key_share=True)
)


def lock_job(session: Session, job_id: UUID) -> str | None:
    """Lock the job, so that no other transaction ends it at the same time; return its state.

    The lock permits new rows that refer to the job. Each settling worker has just written some, so
    that a stronger lock would cause a deadlock.
    """
    return session.scalar(_LOCKED_STATE, {"job_id": job_id})


def recently_active_subjects(
    session: Session, kind: str, subjects: Iterable[str], within: timedelta
) -> set[str]:
    """Return the subjects with an item that is active, or was within this time."""
    is_recent = or_(JobItem.state.in_(ACTIVE), JobItem.finished_at > func.now() - within)
    query = select(JobItem.subject).join(Job, Job.id == JobItem.job_id)
    of_these = query.where(Job.kind == kind, JobItem.subject.in_(subjects), is_recent)
    return set(session.scalars(of_these.distinct()))
