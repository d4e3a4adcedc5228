"""SQL of successions, and of the schools that a school reads through them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.schools.models import Succession, SuccessionConfirmation


def schools_of(session: Session, school_id: str) -> Sequence[str]:
    """Return the number of the school and those of its predecessors; none after it is succeeded."""
    found: Sequence[str] = session.execute(select(func.schools_of(school_id))).scalar_one()
    return found


def confirm(session: Session, successor_id: str, predecessor_id: str, lifetime: timedelta) -> str:
    """Confirm a succession as the caller's person.

    Return "confirmed", or the reason for which the database refuses.
    """
    statement = select(func.confirm_succession(successor_id, predecessor_id, lifetime))
    return str(session.execute(statement).scalar_one())


def revoke(session: Session, succession_id: UUID) -> bool:
    """Revoke a succession as the caller's person; return False when there is none."""
    return bool(session.execute(select(func.revoke_succession(succession_id))).scalar_one())


def page_of_successions(
    session: Session, school_id: str | None, selection: PageSelection
) -> Page[Succession]:
    """Return a page of the successions, or of those of a school, by the number of the successor."""
    query = select(Succession)
    if school_id is not None:
        query = query.where(
            (Succession.successor_id == school_id) | (Succession.predecessor_id == school_id)
        )
    by_number = ListOrder(Succession.successor_id, Succession.predecessor_id, Succession.id)
    return page_of_scalars(session, query, by_number, selection)


def find_succession(session: Session, succession_id: UUID) -> Succession | None:
    return session.get(Succession, succession_id, populate_existing=True)


def find_current(session: Session, successor_id: str, predecessor_id: str) -> Succession:
    """Return the succession of two schools that was not revoked, which has to exist."""
    query = select(Succession).where(
        Succession.successor_id == successor_id,
        Succession.predecessor_id == predecessor_id,
        Succession.revoked_at.is_(None),
    )
    return session.scalars(query.execution_options(populate_existing=True)).one()


def confirmations_of(
    session: Session, succession_ids: Iterable[UUID]
) -> dict[UUID, list[SuccessionConfirmation]]:
    """Return the confirmations of each succession, oldest first."""
    query = select(SuccessionConfirmation).where(
        SuccessionConfirmation.succession_id.in_(list(succession_ids))
    )
    by_age = query.order_by(SuccessionConfirmation.confirmed_at, SuccessionConfirmation.person_id)
    found: defaultdict[UUID, list[SuccessionConfirmation]] = defaultdict(list)
    for one in session.scalars(by_age.execution_options(populate_existing=True)):
        found[one.succession_id].append(one)
    return found
