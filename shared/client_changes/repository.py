"""SQL of persons, requested changes of clients, and their approvals."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.access.rules import Scope
from shared.client_changes.models import ClientChange, ClientChangeApproval
from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.oauth.clients.models import Client, Person
from shared.oauth.clients.rules import ClientKind, ClientState


def lock_persons(session: Session) -> None:
    """Let no other transaction register a person until this one ends."""
    lock_until_commit(session, "persons")


def count_persons(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Person)) or 0


def page_of_persons(session: Session, selection: PageSelection) -> Page[Person]:
    return page_of_scalars(
        session, select(Person), ListOrder(Person.sort_key, Person.id), selection
    )


def names_of_persons(session: Session) -> Sequence[str]:
    return session.scalars(select(Person.name)).all()


def add_person(session: Session, name: str) -> UUID | None:
    """Add a person and return its id; None when there is one with this name."""
    statement = insert(Person).values(name=name).on_conflict_do_nothing()
    return session.scalar(statement.returning(Person.id))


def has_person(session: Session, person_id: UUID) -> bool:
    return session.get(Person, person_id) is not None


def active_persons(session: Session, persons: Collection[UUID]) -> set[UUID]:
    """Return those of the persons that have an active client that can reject a change."""
    query = select(Client.person_id).where(
        Client.person_id.in_(persons),
        Client.kind == ClientKind.OPERATOR.value,
        Client.state == ClientState.ACTIVE.value,
        Client.scopes.contains([Scope.CLIENTS_WRITE.value]),
    )
    return {person for person in session.scalars(query) if person is not None}


def reject_changes_about(session: Session, person_id: UUID) -> None:
    """Reject the changes of the clients of a person that are not applied yet."""
    session.execute(
        update(ClientChange)
        .where(
            ClientChange.person_id == person_id,
            ClientChange.applied_at.is_(None),
            ClientChange.rejected_at.is_(None),
        )
        .values(rejected_at=func.now())
    )


def add_change(session: Session, values: Mapping[str, Any]) -> ClientChange:
    return session.scalars(insert(ClientChange).values(values).returning(ClientChange)).one()


def find_change(
    session: Session, change_id: UUID, *, for_change: bool = False
) -> ClientChange | None:
    """Return a requested change; `for_change` makes others that change it wait."""
    return session.get(ClientChange, change_id, with_for_update=for_change or None)


def page_of_changes(session: Session, selection: PageSelection) -> Page[ClientChange]:
    newest = ListOrder(ClientChange.requested_at, ClientChange.id, descending=True)
    return page_of_scalars(session, select(ClientChange), newest, selection)


def approvals_of(session: Session, change_ids: Sequence[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return the persons that approved each of the changes."""
    query = select(ClientChangeApproval).where(ClientChangeApproval.change_id.in_(change_ids))
    found = defaultdict(set)
    for approval in session.scalars(query):
        found[approval.change_id].add(approval.person_id)
    return {change_id: frozenset(found[change_id]) for change_id in change_ids}


def add_approval(session: Session, change_id: UUID, person_id: UUID) -> None:
    values = {"change_id": change_id, "person_id": person_id}
    session.execute(insert(ClientChangeApproval).values(values))
