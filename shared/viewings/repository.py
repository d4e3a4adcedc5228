"""SQL of registrations for test viewing. The database counts places and refuses one too many."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.errors import IntegrityError as PsycopgIntegrityError
from sqlalchemy import (
    Boolean,
    DateTime,
    Select,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.core.errors import Conflict
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student
from shared.students.repository import student_is_present, takes_part_with, visible_student
from shared.viewings.models import (
    ViewingConfirmation,
    ViewingLocation,
    ViewingRegistration,
    ViewingSettings,
    ViewingSlot,
)
from shared.viewings.rules import CHANGEABLE, RegistrationState


class RegistrationRow(NamedTuple):
    """A registration with its slot, location and student."""

    registration: ViewingRegistration
    slot: ViewingSlot
    location: ViewingLocation
    student: Student


class Candidate(NamedTuple):
    """A student, and a slot with its location and settings, at the present moment.

    `can_view`: whether the slot would show the student something; None if it is full.
    """

    student: Student
    slot: ViewingSlot
    location: ViewingLocation
    settings: ViewingSettings
    now: datetime
    can_view: bool | None


_DETAILS = {
    "slotFull": "The slot has no place left; choose another one, or register with `waitIfFull`.",
    "quotaReached": (
        "The school has as many places on this day as it can have; choose another day."
    ),
    "alreadyRegistered": "The student has a registration; move that one, or cancel it first.",
}
_CODES = {
    "ck_viewing_slots_taken_within_capacity": "slotFull",
    "ck_viewing_school_days_taken_within_quota": "quotaReached",
    "uq_viewing_registrations_live": "alreadyRegistered",
}
"""The conflicts that constraints of the database find."""

_IN_ORDER = ListOrder(ViewingRegistration.administration_id, ViewingRegistration.number)


@contextmanager
def taking_place(session: Session, *, can_go_on: bool = False) -> Iterator[None]:
    """Run a statement that takes a place; with `can_go_on` in a savepoint.

    Raises:
        Conflict: `slotFull`, `quotaReached` or `alreadyRegistered`.
    """
    try:
        with session.begin_nested() if can_go_on else nullcontext():
            yield
    except IntegrityError as error:
        cause = error.orig
        name = cause.diag.constraint_name if isinstance(cause, PsycopgIntegrityError) else None
        if name not in _CODES:
            raise
        raise refusal(_CODES[name]) from None


def refusal(code: str) -> Conflict:
    """Return the error with which a registration is refused, with what to do."""
    return Conflict(code, _DETAILS[code])


def _candidate() -> Select[Any]:
    """Build the query of the student `student_id` and the slot `slot_id`, without a lock.

    What the slot would show is not determined if it is full, unless the student `can_wait`.
    """
    slot, settings = ViewingSlot, ViewingSettings
    has_place = or_(bindparam("can_wait", type_=Boolean), slot.taken < slot.capacity)
    can_view = case((has_place, func.can_view_test(Student.id, slot.id)))
    found = (Student, slot, ViewingLocation, settings, func.now(), can_view)
    return (
        visible_student()
        .join(slot, slot.id == bindparam("slot_id", type_=Uuid))
        .join(ViewingLocation, ViewingLocation.id == slot.location_id)
        .join(settings, settings.administration_id == slot.administration_id)
        .with_only_columns(*found, maintain_column_froms=True)
    )


_CANDIDATE = _candidate()
_ADD = insert(ViewingRegistration).returning(ViewingRegistration)


def find_candidate(
    session: Session, student_id: UUID, slot_id: UUID, *, can_wait: bool
) -> Candidate | None:
    """Return a student and a slot as it is now; None if one is unknown or out of reach."""
    values = {"student_id": student_id, "slot_id": slot_id, "can_wait": can_wait}
    row = session.execute(_CANDIDATE, values).one_or_none()
    return None if row is None else Candidate._make(row)


def add_registration(session: Session, values: dict[str, Any]) -> ViewingRegistration:
    """Add a registration; its slot, if it takes a place, stays locked until the commit."""
    return session.scalars(_ADD, values).one()


def change_registration(
    session: Session, registration_id: UUID, values: dict[str, Any]
) -> ViewingRegistration:
    """Change a registration; the slots of places that it takes and gives back stay locked."""
    changed = (
        update(ViewingRegistration)
        .where(ViewingRegistration.id == registration_id)
        .values(values)
        .returning(ViewingRegistration)
    )
    as_stored = {"synchronize_session": False, "populate_existing": True}
    return session.scalars(changed.execution_options(**as_stored)).one()


def lock_registration(session: Session, registration_id: UUID) -> None:
    """Lock the registration until the transaction ends: before its slots, as everywhere."""
    locked = select(ViewingRegistration.id).where(ViewingRegistration.id == registration_id)
    session.execute(locked.with_for_update())


def find_registration(session: Session, registration_id: UUID) -> RegistrationRow | None:
    query = _registrations().where(ViewingRegistration.id == registration_id)
    row = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    return None if row is None else RegistrationRow._make(row)


def page_of_registrations(
    session: Session,
    school_id: str,
    administration_id: str | None,
    state: RegistrationState | None,
    selection: PageSelection,
) -> Page[RegistrationRow]:
    """Return a page of the registrations of a school, in the order in which it made them."""
    found = _registrations().where(ViewingRegistration.school_id == school_id)
    if administration_id is not None:
        found = found.where(ViewingRegistration.administration_id == administration_id)
    if state is not None:
        found = found.where(ViewingRegistration.state == state)
    return page_of_rows(session, found, _IN_ORDER, selection).map(RegistrationRow._make)


def find_confirmation(session: Session, registration_id: UUID) -> ViewingConfirmation | None:
    """Return the stored PDF of the present version of a registration, if it has been made."""
    return session.scalar(
        select(ViewingConfirmation)
        .join(ViewingRegistration, ViewingRegistration.id == ViewingConfirmation.registration_id)
        .where(
            ViewingConfirmation.registration_id == registration_id,
            ViewingConfirmation.version == ViewingRegistration.version,
        )
    )


def expired_offers(session: Session, limit: int) -> Sequence[UUID]:
    """Lock and return offers that have expired, and waits for which registration has ended."""
    registration = ViewingRegistration
    query = (
        select(registration.id)
        .where(
            registration.state == RegistrationState.OFFERED,
            registration.offer_expires_at <= func.now(),
        )
        .order_by(registration.number)
        .limit(limit)
    )
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def ended_waits(session: Session, limit: int) -> Sequence[UUID]:
    """Lock and return waits for slots for which registration has ended."""
    registration, slot, settings = ViewingRegistration, ViewingSlot, ViewingSettings
    last = slot.day - settings.deadline_days
    ends_at = func.timezone("Europe/Brussels", cast(last + 1, DateTime))
    query = (
        select(registration.id)
        .join(slot, slot.id == registration.slot_id)
        .join(settings, settings.administration_id == slot.administration_id)
        .where(registration.state == RegistrationState.WAITING, ends_at <= func.now())
        .order_by(registration.number)
        .limit(limit)
    )
    return session.scalars(query.with_for_update(of=registration, skip_locked=True)).all()


def registrations_of_students_who_left(session: Session, limit: int) -> Sequence[UUID]:
    """Lock and return registrations, not yet begun, of students whose enrolment has ended."""
    registration = ViewingRegistration
    query = (
        select(registration.id)
        .join(Student, Student.id == registration.student_id)
        .where(registration.state.in_(CHANGEABLE), Student.removed_at.is_not(None))
        .order_by(registration.number)
        .limit(limit)
    )
    return session.scalars(query.with_for_update(of=registration, skip_locked=True)).all()


class WaitingRow(NamedTuple):
    """The first registration of a waiting list that a free place can be offered to."""

    registration_id: UUID
    slot: ViewingSlot
    settings: ViewingSettings


def next_waiting(session: Session) -> WaitingRow | None:
    """Lock and return the longest wait for a slot with a free place, within its school's quota."""
    registration, slot, settings = ViewingRegistration, ViewingSlot, ViewingSettings
    query = (
        select(registration.id, slot, settings)
        .join(slot, slot.id == registration.slot_id)
        .join(settings, settings.administration_id == slot.administration_id)
        .where(
            registration.state == RegistrationState.WAITING,
            slot.taken < slot.capacity,
            func.has_viewing_quota(
                registration.administration_id, registration.school_id, slot.day
            ),
        )
        .order_by(registration.number)
        .limit(1)
    )
    row = session.execute(query.with_for_update(of=registration, skip_locked=True)).one_or_none()
    return None if row is None else WaitingRow._make(row)


def _registrations() -> Select[ViewingRegistration, ViewingSlot, ViewingLocation, Student]:
    """Select the registrations of students who are still at the school."""
    return (
        select(ViewingRegistration, ViewingSlot, ViewingLocation, Student)
        .join(ViewingSlot, ViewingSlot.id == ViewingRegistration.slot_id)
        .join(ViewingLocation, ViewingLocation.id == ViewingSlot.location_id)
        .join(Student, Student.id == ViewingRegistration.student_id)
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .where(student_is_present())
    )


def is_offer_valid(registration: ViewingRegistration, now: datetime) -> bool:
    expires_at = registration.offer_expires_at
    return expires_at is not None and now < expires_at
