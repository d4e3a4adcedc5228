"""Use cases of declarations: a school makes one per school year, withdraws and reads them."""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import Rule, deny, record_change
from shared.access.requests import AccessRequest
from shared.access.rules import own_school
from shared.core.clock import database_today
from shared.core.errors import Conflict, InvalidInput
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.declarations import repository
from shared.hand_overs.declarations.repository import DeclarationRow
from shared.hand_overs.declarations.rules import is_possible_day, open_school_years


def list_declarations(
    session: Session, access: AccessRequest, school_year: str | None, selection: PageSelection
) -> Page[DeclarationRow]:
    """Return a page of the declarations of the caller's own school, withdrawn ones included."""
    school_id = own_school(access.caller, access.reach)
    return repository.page_of_declarations(session, school_id, school_year, selection)


def read_declaration(
    unit: UnitOfWork, access: AccessRequest, declaration_id: UUID
) -> DeclarationRow:
    """Return one declaration of the caller's own school.

    Raises:
        ResourceNotFound: when it does not exist or belongs to another school.
    """
    school_id = own_school(access.caller, access.reach)
    row = repository.find_declaration(unit.session, school_id, declaration_id)
    if row is None:
        deny(unit, access, None, Rule.REACH)
    return row


def declare(
    unit: UnitOfWork, access: AccessRequest, school_year: str, declared_on: date | None
) -> DeclarationRow:
    """Record the declaration of the caller's own school about a school year.

    Without `declared_on` it is dated today, in Brussels.

    Raises:
        InvalidInput: when the school year is neither this one nor the next, or the day cannot be.
        Conflict: when the school has a declaration about the school year already.
    """
    session, school_id = unit.session, own_school(access.caller, access.reach)
    today = database_today(session)
    possible_years = open_school_years(today)
    if school_year not in possible_years:
        raise InvalidInput("school_year", detail=f"Must be {' or '.join(possible_years)}.")
    if declared_on is not None and not is_possible_day(declared_on, today):
        raise InvalidInput("declared_on", detail="Must be a day of the last year, today included.")
    repository.lock_declarations(session, school_id)
    if repository.has_declared(session, school_id, school_year):
        raise Conflict(
            "declarationExists",
            "The school has a declaration about this school year; withdraw it to make another one.",
        )
    declaration_id = repository.add_declaration(
        session, school_id, school_year, declared_on or today
    )
    record_change(unit, access, access.action, f"/v1/declarations/{declaration_id}", school_id)
    return read_declaration(unit, access, declaration_id)


def withdraw_declaration(
    unit: UnitOfWork, access: AccessRequest, declaration_id: UUID
) -> DeclarationRow:
    """Withdraw a declaration; one that is already withdrawn stays as it is.

    Raises:
        ResourceNotFound: when the school has no such declaration.
    """
    repository.lock_declarations(unit.session, own_school(access.caller, access.reach))
    row = read_declaration(unit, access, declaration_id)
    if row.withdrawn_at is not None:
        return row
    repository.withdraw_declaration(unit.session, row.declaration)
    record_change(
        unit,
        access,
        access.action,
        f"/v1/declarations/{declaration_id}",
        row.declaration.school_id,
    )
    return read_declaration(unit, access, declaration_id)
