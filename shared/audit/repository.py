"""SQL of the audit log: append an event, list those of a school, read every chain."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby
from typing import Literal
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, bindparam, func, or_, select, text
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent, AuditHead
from shared.audit.rules import Entry, Head
from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars

_DECISION = ":purpose, :action, :resource, :outcome, :rule, :trace_id"
_STUDENTS = bindparam("students", type_=ARRAY(Uuid))
_APPEND = text(
    f"select append_audit_event(:organisation, :students, :document, :claimed_client, {_DECISION})"
).bindparams(_STUDENTS, bindparam("document", type_=Uuid), bindparam("claimed_client", type_=Uuid))
_APPEND_FOR_PARTICIPANTS = text(
    "select append_audit_event_later(array("
    " select school_id from participations"
    " where administration_id = :administration and removed_at is null order by school_id"
    f"), :students, {_DECISION})"
).bindparams(_STUDENTS)
_APPEND_PENDING = text("select append_pending_events(:school)")
_ENTRY = tuple(field.name for field in fields(Entry))
_BATCH = 5_000


Outcome = Literal["allowed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAuditEvent:
    """An event to append; `organisation` is the school whose data it is about, if known.

    The caller is not part of it: the database takes it from the settings of the transaction, or
    from the login. `resource` is a path with opaque ids only. `purpose` is that of the mandate,
    where one was needed. `students` are those that the answer is about. For a `document`, the
    database adds its students, and its school if `organisation` is None. `claimed_client` is the
    client that an unauthenticated request names.
    """

    organisation: str | None
    action: str
    resource: str
    outcome: Outcome
    rule: str
    trace_id: str | None
    purpose: str | None = None
    students: Sequence[UUID] = ()
    document: UUID | None = None
    claimed_client: UUID | None = None


_EVENT = tuple(field.name for field in fields(NewAuditEvent))


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one school by its number, or of no school (an empty name)."""

    name: str
    head: Head | None
    entries: Iterator[Entry]


@dataclass(frozen=True, slots=True)
class Mention:
    """The events about one student or document.

    `resources` are paths, each with the paths below it; those of `earlier_resources` count for
    entries without recorded students. `student_id` selects the entries that were about the student,
    of resources whose path starts with `prefix`.
    """

    resources: Collection[str]
    earlier_resources: Collection[str] = ()
    student_id: UUID | None = None
    prefix: str = "/"

    def condition(self) -> ColumnElement[bool]:
        conditions = [
            _is_below(self.resources),
            and_(AuditEvent.students.is_(None), _is_below(self.earlier_resources)),
        ]
        if self.student_id is not None:
            is_about = AuditEvent.students.contains([self.student_id])
            conditions.append(and_(AuditEvent.resource.startswith(self.prefix), is_about))
        return or_(*conditions)


def _is_below(paths: Collection[str]) -> ColumnElement[bool]:
    below = (AuditEvent.resource.startswith(f"{path}/") for path in paths)
    return or_(AuditEvent.resource.in_(paths), *below)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The events about one school that match the other fields.

    `mentions` have to match all. `since` is inclusive, `until` exclusive.
    """

    organisation: str
    mentions: Collection[Mention] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions = [AuditEvent.organisation == self.organisation]
        conditions += [mention.condition() for mention in self.mentions]
        if self.since is not None:
            conditions.append(AuditEvent.occurred_at >= self.since)
        if self.until is not None:
            conditions.append(AuditEvent.occurred_at < self.until)
        return conditions


def append(session: Session, event: NewAuditEvent) -> Collection[UUID]:
    """Append an event; its chain stays locked until the transaction ends.

    Return the students that it is about, none for a refused document.

    A refusal locks no chain: it is appended by `append_pending_events`.
    """
    of_document: list[UUID] | None = session.scalar(_APPEND, _values(event))
    return event.students if of_document is None else of_document


def append_for_participants(session: Session, event: NewAuditEvent, administration_id: str) -> None:
    """Store an event that `append_pending_events` appends to the chain of each participant."""
    values = _values(event) | {"administration": administration_id}
    session.execute(_APPEND_FOR_PARTICIPANTS, values)


def append_pending_events(session: Session, school_id: str | None) -> int:
    """Append the stored events that are about a school, or some of all; return their number."""
    appended: int = session.scalar(_APPEND_PENDING, {"school": school_id})
    return appended


def _values(event: NewAuditEvent) -> dict[str, object]:
    values = {name: getattr(event, name) for name in _EVENT}
    return values | {"students": list(event.students)}


def page_of_events(
    session: Session, audit_filter: AuditFilter, selection: PageSelection
) -> Page[AuditEvent]:
    """Return a page of the events that match, newest first.

    They are not counted: that reads all of them, and a school has more with each read.
    """
    query = select(AuditEvent).where(*audit_filter.conditions())
    newest = ListOrder(AuditEvent.occurred_at, AuditEvent.position, descending=True)
    return page_of_scalars(session, query, newest, selection, is_counted=False)


def heads(session: Session) -> dict[str, Head]:
    rows = session.execute(select(AuditHead.chain, AuditHead.events, AuditHead.hash))
    return {chain: Head(events, hash_) for chain, events, hash_ in rows}


def chains(session: Session) -> Iterator[Chain]:
    """Yield every chain; read its entries before the next chain.

    One statement, so that an event that is appended meanwhile is seen with its head or not at all.
    """
    event, head = AuditEvent.__table__, AuditHead.__table__
    organisation = func.coalesce(event.c.organisation, "")
    name = func.coalesce(head.c.chain, organisation).label("chain")
    columns = [event.c[column] for column in _ENTRY]
    query = (
        select(name, head.c.events, head.c.hash.label("head_hash"), *columns)
        .select_from(head.outerjoin(event, organisation == head.c.chain, full=True))
        .order_by(name, event.c.position)
        .execution_options(yield_per=_BATCH)
    )
    rows = session.execute(query)
    for (found, events, head_hash), own in groupby(rows, lambda row: tuple(row[:3])):
        stored = None if events is None else Head(events, head_hash)
        yield Chain(found, stored, (Entry(*row[3:]) for row in own if row.id is not None))
