"""SQL of the trail: appending to it, reading a school's own, and walking all of its chains."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby
from typing import Any

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


@dataclass(frozen=True, slots=True)
class TrailOf:
    """The entries about one school, or those among them that the other facts name.

    `resources` are paths, each with what lies below it; `since` counts, `until` does not any more.
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


def append(session: Session, events: Sequence[dict[str, Any]]) -> None:
    """Holds the heads of the chains until the transaction ends; callers keep to one order."""
    session.execute(_APPEND, events)


def page_of_events(
    session: Session, trail: TrailOf, offset: int, limit: int
) -> tuple[int, Sequence[AuditEvent]]:
    """How many entries there are, and a page of them, newest first."""
    query = select(AuditEvent).where(*trail.conditions())
    return page_of_scalars(session, query.order_by(AuditEvent.position.desc()), offset, limit)


def heads(session: Session) -> dict[str, Head]:
    rows = session.execute(select(AuditHead.chain, AuditHead.events, AuditHead.hash))
    return {chain: Head(events, hash_) for chain, events, hash_ in rows}


def chains(session: Session) -> Iterator[tuple[str, Head | None, Iterator[Entry]]]:
    """Every chain with its head and its entries by position, to be read in this order.

    One statement, so that what is appended meanwhile is seen with its head or not at all.
    """
    event, head = AuditEvent.__table__, AuditHead.__table__
    chain = func.coalesce(event.c.organisation, "")
    name = func.coalesce(head.c.chain, chain).label("chain")
    columns = [event.c[column] for column in _ENTRY]
    query = (
        select(name, head.c.events, head.c.hash, *columns)
        .select_from(head.outerjoin(event, chain == head.c.chain, full=True))
        .order_by(name, event.c.position)
        .execution_options(yield_per=_BATCH)
    )
    for (found, events, hash_), rows in groupby(session.execute(query), lambda row: row[:3]):
        end = None if events is None else Head(events, hash_)
        yield found, end, (Entry(*row[3:]) for row in rows if row.id is not None)
