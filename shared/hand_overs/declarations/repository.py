"""SQL of declarations, of one school at a time."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.orm import Session

from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.hand_overs.declarations.models import Declaration, DeclarationWithdrawal


class DeclarationRow(NamedTuple):
    """A declaration, and the time of its withdrawal if it was withdrawn."""

    declaration: Declaration
    withdrawn_at: datetime | None


_LATEST = ListOrder(Declaration.school_year, Declaration.number, descending=True)


def lock_declarations(session: Session, school_id: str) -> None:
    """Lock the declarations of the school against additions until the transaction ends."""
    lock_until_commit(session, f"declarations {school_id}")


def page_of_declarations(
    session: Session, school_id: str, school_year: str | None, selection: PageSelection
) -> Page[DeclarationRow]:
    """Return a page of the declarations of a school, latest school year first."""
    declarations = _of_school(school_id)
    if school_year is not None:
        declarations = declarations.where(Declaration.school_year == school_year)
    return page_of_rows(session, declarations, _LATEST, selection).map(DeclarationRow._make)


def find_declaration(
    session: Session, school_id: str, declaration_id: UUID
) -> DeclarationRow | None:
    query = _of_school(school_id).where(Declaration.id == declaration_id)
    row = session.execute(query).one_or_none()
    return None if row is None else DeclarationRow(*row)


def has_declared(session: Session, school_id: str, school_year: str) -> bool:
    """Return True if a declaration about the school year was not withdrawn."""
    current = _of_school(school_id).where(
        Declaration.school_year == school_year, DeclarationWithdrawal.withdrawn_at.is_(None)
    )
    return bool(session.scalar(select(current.exists())))


def add_declaration(session: Session, school_id: str, school_year: str, declared_on: date) -> UUID:
    of_year = Declaration.school_id == school_id, Declaration.school_year == school_year
    last = session.scalar(select(func.max(Declaration.number)).where(*of_year)) or 0
    values = {"school_id": school_id, "school_year": school_year, "number": last + 1}
    added = insert(Declaration).values(**values, declared_on=declared_on).returning(Declaration.id)
    return session.execute(added).scalar_one()


def withdraw_declaration(session: Session, declaration: Declaration) -> None:
    values = {"declaration_id": declaration.id, "school_id": declaration.school_id}
    session.execute(insert(DeclarationWithdrawal).values(values))


def _of_school(school_id: str) -> Select[Declaration, datetime | None]:
    withdrawal = and_(
        DeclarationWithdrawal.declaration_id == Declaration.id,
        DeclarationWithdrawal.school_id == Declaration.school_id,
    )
    return (
        select(Declaration, DeclarationWithdrawal.withdrawn_at)
        .outerjoin(DeclarationWithdrawal, withdrawal)
        .where(Declaration.school_id == school_id)
    )
