"""Use cases of the audit log: record an event, list those of a school, verify every chain."""

from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from shared.audit import repository
from shared.audit.models import AuditEvent
from shared.audit.repository import AuditFilter, NewAuditEvent
from shared.audit.rules import Head, chain_faults
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork


def record(unit: UnitOfWork, event: NewAuditEvent, about: set[UUID] | None = None) -> None:
    """Append the event to the audit log with the unit's commit, or not at all.

    It is written last and in the order of the chains, because it locks its chain until the commit.
    A refusal is stored with the commit too, and appended to its chain later: its cost is the same
    for every id, and no other request waits for it. `about` gets the students of the event.
    """
    students = set() if about is None else about
    unit.before_commit(
        lambda: students.update(repository.append(unit.session, event)),
        order=event.organisation or "",
    )


def record_for_participants(unit: UnitOfWork, event: NewAuditEvent, administration_id: str) -> None:
    """Append the event to the audit log of each school of an administration, as with a refusal.

    It is stored with the commit, in one row, and locks no chain.
    """
    unit.before_commit(
        lambda: repository.append_for_participants(unit.session, event, administration_id)
    )


def append_pending(session: Session) -> int:
    """Append some of the stored events to their chains; return their number, 0 without any.

    Commit after each call: requests of a school wait for its chain until then.
    """
    return repository.append_pending_events(session, None)


def list_events(
    session: Session, audit_filter: AuditFilter, selection: PageSelection
) -> Page[AuditEvent]:
    """Return a page of the events that match, newest first.

    The caller must authorize the request first: a school may read its own audit log only. The
    events of the school that are stored are appended first.
    """
    repository.append_pending_events(session, audit_filter.organisation)
    return repository.page_of_events(session, audit_filter, selection)


def heads(session: Session) -> dict[str, Head]:
    """Return the head of every chain, to store where no writer of this database can change it."""
    return repository.heads(session)


def verify(session: Session, stored: Mapping[str, Collection[Head]]) -> Iterator[tuple[str, str]]:
    """Yield each fault as a pair of chain (empty: about no school) and description.

    `stored` are earlier heads by chain, which the chains must still contain.
    """
    unseen = set(stored)
    for chain in repository.chains(session):
        unseen.discard(chain.name)
        for fault in chain_faults(chain.entries, chain.head, stored.get(chain.name, ())):
            yield chain.name, fault
    for name in sorted(unseen):
        yield name, "the whole chain is missing"
