"""Use cases of schools: register a student for test viewing, move, accept and cancel."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from shared.access.decisions import About, Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.access.rules import own_school
from shared.core.clock import database_now
from shared.core.errors import Conflict, DomainError, InvalidInput
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.students.service import require_student
from shared.viewings import repository
from shared.viewings.calendar import calendar_of
from shared.viewings.codes import ViewingKey
from shared.viewings.models import ViewingConfirmation, ViewingRegistration
from shared.viewings.repository import Candidate, RegistrationRow
from shared.viewings.rules import (
    CHANGEABLE,
    CONFIRMED_ONCE,
    RegistrationState,
    registration_ends_at,
)


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A registration to make; with `wait_if_full` it joins the waiting list of a full slot."""

    student_id: UUID
    slot_id: UUID
    companions: int = 0
    wait_if_full: bool = False


def register(
    unit: UnitOfWork, access: AccessRequest, key: ViewingKey, new: NewRegistration
) -> RegistrationRow:
    """Register a student of the caller's school for a slot.

    Raises:
        ResourceNotFound: when the student is out of reach, or has no released result that the slot
            would show.
        InvalidInput: when the slot is unknown, or there are too many companions.
        Conflict: when registration has ended, the slot is full, the school has reached its quota,
            or the student is registered.
    """
    found = _require_slot(unit, access, new.slot_id, new.student_id, can_wait=new.wait_if_full)
    student = found.student
    if new.companions > found.settings.companions:
        raise InvalidInput("companions", detail=f"Can be at most {found.settings.companions}.")
    registration_id = uuid4()
    values = {
        "id": registration_id,
        "administration_id": student.administration_id,
        "school_id": own_school(access.caller, access.reach),
        "student_id": student.id,
        "slot_id": new.slot_id,
        "companions": new.companions,
        "code_hash": key.hash_of(key.code_of(registration_id)),
        "state": RegistrationState.CONFIRMED,
    }
    _record_change(unit, access, student.id)
    registration = _add(unit.session, values, can_wait=new.wait_if_full)
    return RegistrationRow(registration, found.slot, found.location, student)


def move(
    unit: UnitOfWork, access: AccessRequest, registration_id: UUID, slot_id: UUID
) -> RegistrationRow:
    """Move a registration to another slot; it takes the new place before it gives the old one back.

    Raises:
        ResourceNotFound: when the school has no such registration, or the slot would show nothing.
        InvalidInput: when the slot is unknown.
        Conflict: as for a new registration, and when this one has ended.
    """
    row = _lock(unit, access, registration_id)
    registration = row.registration
    is_there = registration.slot_id == slot_id
    if is_there and registration.state == RegistrationState.CONFIRMED:
        return _shown(unit, access, row)
    _require_changeable(row, database_now(unit.session))
    if is_there:
        raise Conflict(
            "slotFull", "The registration waits for this slot; accept an offer of a place."
        )
    found = _require_slot(unit, access, slot_id, registration.student_id)
    row = row._replace(slot=found.slot, location=found.location)
    changes = {"slot_id": slot_id, "version": registration.version + 1}
    return _change(unit, access, row, RegistrationState.CONFIRMED, **changes)


def accept(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> RegistrationRow:
    """Accept the offer of a place; a second request changes nothing.

    Raises:
        ResourceNotFound: when the school has no such registration.
        Conflict: when there is no offer, or it has expired.
    """
    row = _lock(unit, access, registration_id)
    if row.registration.state == RegistrationState.CONFIRMED:
        return _shown(unit, access, row)
    if not repository.is_offer_valid(row.registration, database_now(unit.session)):
        raise Conflict(
            "offerExpired", "There is no offer, or it has expired; register the student again."
        )
    return _change(unit, access, row, RegistrationState.CONFIRMED)


def cancel(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> RegistrationRow:
    """Cancel a registration and give its place back; a second request changes nothing.

    Raises:
        ResourceNotFound: when the school has no such registration.
        Conflict: when it has ended otherwise, or its slot has begun.
    """
    row = _lock(unit, access, registration_id)
    if row.registration.state == RegistrationState.CANCELLED:
        return _shown(unit, access, row)
    _require_changeable(row, database_now(unit.session))
    return _change(unit, access, row, RegistrationState.CANCELLED)


def read_registration(
    unit: UnitOfWork, access: AccessRequest, registration_id: UUID
) -> RegistrationRow:
    """Return a registration of the caller's school.

    Raises:
        ResourceNotFound: when the school has none with this id.
    """
    return _found(unit, access, registration_id)


def read_confirmation(
    unit: UnitOfWork, access: AccessRequest, registration_id: UUID
) -> ViewingConfirmation:
    """Return where the PDF of a registration is.

    Raises:
        ResourceNotFound: when the school has no registration with this id that has a place.
        DomainError: `confirmationBeingMade`, for the few seconds that a worker needs.
    """
    row = _placed(unit, access, registration_id)
    confirmation = repository.find_confirmation(unit.session, row.registration.id)
    if confirmation is None:
        raise DomainError(
            "confirmationBeingMade", "The confirmation is being made; ask again in a few seconds."
        )
    return confirmation


def read_calendar(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> str:
    """Return the calendar entry of a registration.

    Raises:
        ResourceNotFound: when the school has no registration with this id that has a place.
    """
    return calendar_of(_placed(unit, access, registration_id))


def list_registrations(
    unit: UnitOfWork,
    access: AccessRequest,
    administration_id: str | None,
    state: RegistrationState | None,
    selection: PageSelection,
) -> Page[RegistrationRow]:
    """Return a page of the registrations of the caller's school, in the order they were made."""
    school_id = own_school(access.caller, access.reach)
    page = repository.page_of_registrations(
        unit.session, school_id, administration_id, state, selection
    )
    allow(unit, access, school_id, About([row.student.id for row in page.rows]))
    return page


def _found(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> RegistrationRow:
    """Return the registration as it is now, and record that the response has it."""
    school_id = own_school(access.caller, access.reach)
    row = repository.find_registration(unit.session, registration_id)
    if row is None:
        deny(unit, access, school_id, Rule.REACH)
    return _shown(unit, access, row)


def _shown(unit: UnitOfWork, access: AccessRequest, row: RegistrationRow) -> RegistrationRow:
    """Record that the response has the registration, and return it."""
    allow(unit, access, own_school(access.caller, access.reach), About([row.student.id]))
    return row


def _record_change(unit: UnitOfWork, access: AccessRequest, student_id: UUID) -> None:
    """Record a change in the audit log before it is made.

    The slot is locked after the audit log of the school, as everywhere: students of many schools
    wait for the slot, and nobody who has it waits for a school.
    """
    allow(unit, access, own_school(access.caller, access.reach), About([student_id]))
    unit.run_pending()


def _add(session: Session, values: dict[str, Any], *, can_wait: bool) -> ViewingRegistration:
    """Add a registration with a place, or one that waits for it."""
    try:
        with repository.taking_place(session, can_go_on=can_wait):
            return repository.add_registration(session, values)
    except Conflict as conflict:
        if not (can_wait and conflict.code == "slotFull"):
            raise
    with repository.taking_place(session):
        return repository.add_registration(session, values | {"state": RegistrationState.WAITING})


def _change(
    unit: UnitOfWork,
    access: AccessRequest,
    row: RegistrationRow,
    state: RegistrationState,
    **values: Any,
) -> RegistrationRow:
    """Give a registration another state; an offer has ended with it."""
    _record_change(unit, access, row.student.id)
    values |= {"state": state, "offer_expires_at": None}
    with repository.taking_place(unit.session):
        changed = repository.change_registration(unit.session, row.registration.id, values)
    return row._replace(registration=changed)


def _placed(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> RegistrationRow:
    row = _found(unit, access, registration_id)
    if row.registration.state not in CONFIRMED_ONCE:
        school_id = own_school(access.caller, access.reach)
        deny(unit, access, school_id, Rule.REACH, About([row.student.id]))
    return row


def _lock(unit: UnitOfWork, access: AccessRequest, registration_id: UUID) -> RegistrationRow:
    school_id = own_school(access.caller, access.reach)
    repository.lock_registration(unit.session, registration_id)
    row = repository.find_registration(unit.session, registration_id)
    if row is None:
        deny(unit, access, school_id, Rule.REACH)
    return row


def _require_slot(
    unit: UnitOfWork,
    access: AccessRequest,
    slot_id: UUID,
    student_id: UUID,
    *,
    can_wait: bool = False,
) -> Candidate:
    """Return student and slot if registration is open, and it would show the student something.

    That a slot is full is said without further work: hundreds may ask at the same time. A place
    that is taken meanwhile is refused by the database.

    Raises:
        InvalidInput: when there is no such slot.
        ResourceNotFound: when it would not, or feedback about the student is not released.
        Conflict: when registration has ended, or the slot is full and there is no wait for it.
    """
    row = repository.find_candidate(unit.session, student_id, slot_id, can_wait=can_wait)
    if row is None or not access.reach.includes(row.student.school_id):
        require_student(unit, access, student_id)
        raise InvalidInput("slot_id", detail="There is no such slot; list the slots.")
    ends_at = registration_ends_at(row.slot.day, row.settings.deadline_days)
    if row.now >= min(ends_at, row.slot.starts_at):
        raise Conflict(
            "registrationClosed",
            "Registration for this day has ended; choose a slot on a later day.",
        )
    if row.can_view is None:
        unit.end_reading()
        raise repository.refusal("slotFull")
    if not row.can_view:
        deny(unit, access, own_school(access.caller, access.reach), Rule.GATE, About([student_id]))
    return row


def _require_changeable(row: RegistrationRow, now: datetime) -> None:
    if row.registration.state not in CHANGEABLE or now >= row.slot.starts_at:
        raise Conflict(
            "registrationEnded",
            "The registration has ended or its slot has begun; register the student again.",
        )
