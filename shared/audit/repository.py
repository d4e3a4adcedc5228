"""SQL of the audit log: append an event, list those of a school, read every chain."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import groupby
from typing import Literal

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent, AuditHead
from shared.audit.rules import Entry, Head
from shared.core.paging import page_of_scalars

_APPEND = text(
    "select append_audit_event(:client, :caller_kind, :caller_organisation, :organisation,"
    " :purpose, :action, :resource, :outcome, :rule, :trace_id, :caller_subject)"
)
_ENTRY = tuple(field.name for field in fields(Entry))
_BATCH = 5_000


Outcome = Literal["allowed", "refused"]


@dataclass(frozen=True, slots=True)
class NewAuditEvent:
    """An event to append; `organisation` is the school whose data it is about, if known.

    `resource` is a path with opaque ids only. `purpose` is that of the mandate, where one was
    needed. `caller_subject` is the pseudonym of the person for whom a portal called.
    """

    client: str
    caller_kind: str
    caller_organisation: str | None
    caller_subject: str | None
    organisation: str | None
    purpose: str | None
    action: str
    resource: str
    outcome: Outcome
    rule: str
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one school by its number, or of no school (an empty name)."""

    name: str
    head: Head | None
    entries: Iterator[Entry]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The events about one school that match the other fields.

    `resources` are paths, each with the paths below it. `since` is inclusive, `until` exclusive.
    """

    organisation: str
    resources: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions = [AuditEvent.organisation == self.organisation]
        if self.resources is not None:
            below = (AuditEvent.resource.startswith(f"{path}/") for path in self.resources)
            conditions.append(or_(AuditEvent.resource.in_(self.resources), *below))
        if self.since is not None:
            conditions.append(AuditEvent.occurred_at >= self.since)
        if self.until is not None:
            conditions.append(AuditEvent.occurred_at < self.until)
        return conditions


def append(session: Session, event: NewAuditEvent) -> None:
    """Append an event; its chain stays locked until the transaction ends."""
    session.execute(_APPEND, asdict(event))


def page_of_events(
    session: Session, audit_filter: AuditFilter, offset: int, limit: int
) -> tuple[int, Sequence[AuditEvent]]:
    """Return the number of events that match, and a page of them, newest first."""
    query = select(AuditEvent).where(*audit_filter.conditions())
    return page_of_scalars(session, query.order_by(AuditEvent.position.desc()), offset, limit)


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
