"""Use cases of viewing officers: find a registration by its code, open it, show items, close it."""

from collections.abc import Sequence
from typing import Any, NoReturn
from uuid import UUID

from shared.access.decisions import About, Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.core.clock import database_now, database_today
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.viewings import desk_repository as desk
from shared.viewings import repository
from shared.viewings.codes import ViewingKey, parse_code
from shared.viewings.desk_repository import ComponentItems, VisitorRow
from shared.viewings.rules import AnnulmentReason, RegistrationState


def look_up(unit: UnitOfWork, access: AccessRequest, key: ViewingKey, typed: str) -> VisitorRow:
    """Return the registration with a code, as a person typed it.

    Raises:
        ResourceNotFound: when no registration of the officer's location and day has it.
    """
    code = parse_code(typed)
    row = None if code is None else desk.find_by_code(unit.session, key.hash_of(code))
    if row is None:
        deny(unit, access, None, Rule.REACH)
    return _allowed(unit, access, row)


def list_visitors(unit: UnitOfWork, access: AccessRequest) -> Sequence[VisitorRow]:
    """Return those who are registered for today at the officer's location, by time and name."""
    rows = desk.visitors_on(unit.session, database_today(unit.session))
    for school_id in sorted({row.registration.school_id for row in rows}):
        students = [
            row.registration.student_id for row in rows if row.registration.school_id == school_id
        ]
        allow(unit, access, school_id, About(students))
    return rows


def open_viewing(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> VisitorRow:
    """Open a registration whose student has proved their identity; again changes nothing.

    Raises:
        ResourceNotFound: when it is not of the officer's location and day, or outside of its slot.
        Conflict: when it is not confirmed, or has ended.
    """
    row = _require(unit, access, registration_id)
    if row.registration.state == RegistrationState.OPEN:
        return _allowed(unit, access, row)
    if not desk.is_within_slot(unit.session, row.slot.id):
        _refuse(unit, access, row)
    _require_state(row, RegistrationState.CONFIRMED)
    opened_at = database_now(unit.session)
    return _change(unit, access, row, RegistrationState.OPEN, opened_at=opened_at)


def close_viewing(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> VisitorRow:
    """Close an open registration: nothing of it is shown any more; again changes nothing.

    Raises:
        ResourceNotFound: when it is not of the officer's location and day.
        Conflict: when it is not open.
    """
    row = _require(unit, access, registration_id)
    if row.registration.state == RegistrationState.CLOSED:
        return _allowed(unit, access, row)
    _require_state(row, RegistrationState.OPEN)
    closed_at = database_now(unit.session)
    return _change(unit, access, row, RegistrationState.CLOSED, closed_at=closed_at)


def annul(
    unit: UnitOfWork, access: AccessRequest, registration_id: UUID, reason: AnnulmentReason
) -> VisitorRow:
    """Annul a registration, for example of a student who did not come; its place is given back.

    Raises:
        ResourceNotFound: when it is not of the officer's location and day.
        Conflict: when it is neither confirmed nor open.
    """
    row = _require(unit, access, registration_id)
    if row.registration.state == RegistrationState.ANNULLED:
        return _allowed(unit, access, row)
    _require_state(row, RegistrationState.CONFIRMED, RegistrationState.OPEN)
    return _change(unit, access, row, RegistrationState.ANNULLED, reason=reason)


def show_components(
    unit: UnitOfWork, access: AccessRequest, registration_id: UUID
) -> Sequence[ComponentItems]:
    """Return the components whose items can be shown, in the order of the test.

    Raises:
        ResourceNotFound: unless the registration is open, within its slot and the release window.
    """
    row = _require(unit, access, registration_id)
    components = desk.items_of(unit.session, registration_id)
    if not components:
        _refuse(unit, access, row)
    _allowed(unit, access, row)
    return components


def show_items(
    unit: UnitOfWork, access: AccessRequest, registration_id: UUID, component: str
) -> ComponentItems:
    """Return the items of one component: right or wrong, in the order of the test.

    Raises:
        ResourceNotFound: as `show_components`, and when there is no such component.
    """
    row = _require(unit, access, registration_id)
    components = {one.code: one for one in desk.items_of(unit.session, registration_id)}
    if component not in components:
        _refuse(unit, access, row)
    _allowed(unit, access, row)
    return components[component]


def _require(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> VisitorRow:
    row = desk.find_visitor(unit.session, registration_id)
    if row is None:
        deny(unit, access, None, Rule.REACH)
    return row


def _require_state(row: VisitorRow, *states: RegistrationState) -> None:
    if row.registration.state not in states:
        raise Conflict(
            "registrationEnded",
            f"The registration is {row.registration.state}; look up another code.",
        )


def _change(
    unit: UnitOfWork,
    access: AccessRequest,
    row: VisitorRow,
    state: RegistrationState,
    **values: Any,
) -> VisitorRow:
    """Give a registration another state; its slot is locked after the audit log, as everywhere."""
    _allowed(unit, access, row)
    unit.run_pending()
    values["state"] = state
    changed = repository.change_registration(unit.session, row.registration.id, values)
    return row._replace(registration=changed)


def _allowed(unit: UnitOfWork, access: AccessRequest, row: VisitorRow) -> VisitorRow:
    """Record in the audit log of the school that the officer saw the registration or its items."""
    allow(unit, access, row.registration.school_id, About([row.registration.student_id]))
    return row


def _refuse(unit: UnitOfWork, access: AccessRequest, row: VisitorRow) -> NoReturn:
    registration = row.registration
    deny(unit, access, registration.school_id, Rule.GATE, About([registration.student_id]))
