"""The waiting lists: a free place is offered to the registration that has waited longest."""

from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.viewings import repository
from shared.viewings.rules import RegistrationState, offer_ends_at, registration_ends_at


def settle_next(unit: UnitOfWork) -> bool:
    """End an offer or a wait whose time has passed, or else offer a place; return False if none.

    Last, cancel the registration of a student who has left the school. One registration per
    transaction: its slot is locked after it, and nothing after that.
    """
    session = unit.session
    for registration_id in (*repository.expired_offers(session, 1), *_ended(session)):
        expired = {"state": RegistrationState.EXPIRED, "offer_expires_at": None}
        repository.change_registration(session, registration_id, expired)
        return True
    return _offer_place(session) or _cancel_of_student_who_left(session)


def _ended(session: Session) -> list[UUID]:
    return list(repository.ended_waits(session, 1))


def _offer_place(session: Session) -> bool:
    """Offer a free place to the first that can have it; the database refuses one too many."""
    waiting = repository.next_waiting(session)
    if waiting is None:
        return False
    slot, settings = waiting.slot, waiting.settings
    ends_at = registration_ends_at(slot.day, settings.deadline_days)
    offer = {
        "state": RegistrationState.OFFERED,
        "offer_expires_at": offer_ends_at(database_now(session), settings.offer_hours, ends_at),
    }
    with repository.taking_place(session):
        repository.change_registration(session, waiting.registration_id, offer)
    return True


def _cancel_of_student_who_left(session: Session) -> bool:
    for registration_id in repository.registrations_of_students_who_left(session, 1):
        cancelled = {"state": RegistrationState.CANCELLED, "offer_expires_at": None}
        repository.change_registration(session, registration_id, cancelled)
        return True
    return False
