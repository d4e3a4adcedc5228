"""SQL of the desk: the registrations of the officer's location and day, and what they may see.

The database decides which these are: `desk_slots`, `desk_visitors` and `viewing_items` look at the
duty of the caller, the slot with its margin, and the release of test viewing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Integer,
    Select,
    String,
    Text,
    Uuid,
    column,
    func,
    select,
    true,
)
from sqlalchemy.orm import Session

from shared.results.models import Component
from shared.viewings.models import ViewingRegistration, ViewingSlot
from shared.viewings.rules import PLACED, RegistrationState


class VisitorRow(NamedTuple):
    """A registration with its slot, the names to compare with an identity card, and the school."""

    registration: ViewingRegistration
    slot: ViewingSlot
    family_name: str
    given_name: str
    school_name: str


class ItemRow(NamedTuple):
    """An item of a component, and whether the student answered it correctly."""

    item: str
    is_correct: bool


@dataclass(frozen=True, slots=True)
class ComponentItems:
    """The items of one component, in the order of the test."""

    code: str
    name: str
    items: Sequence[ItemRow]


_visitors = func.desk_visitors().table_valued(
    column("registration_id", Uuid),
    column("family_name", String),
    column("given_name", String),
    column("school_name", String),
    column("sort_key", Text),
    name="visitor",
)


def find_by_code(session: Session, code_hash: bytes) -> VisitorRow | None:
    """Return the registration with a code, unless it is only on a waiting list, or has ended.

    It is sought among those of the desk, so that the time tells nothing about another one.
    """
    at_desk = RegistrationState.CONFIRMED, RegistrationState.OPEN, RegistrationState.CLOSED
    rows = session.execute(_registrations().where(ViewingRegistration.state.in_(at_desk)))
    found = (VisitorRow._make(row) for row in rows)
    return next((row for row in found if row.registration.code_hash == code_hash), None)


def find_visitor(session: Session, registration_id: UUID) -> VisitorRow | None:
    """Lock and return a registration at the desk of the caller.

    The desk is computed for every id, so that the time tells nothing about one of another desk.
    """
    own = select(_visitors.c.registration_id).where(_visitors.c.registration_id == registration_id)
    query = _registrations().where(ViewingRegistration.id == own.scalar_subquery())
    locked = query.with_for_update(of=ViewingRegistration, key_share=True)
    row = session.execute(locked.execution_options(populate_existing=True)).one_or_none()
    return None if row is None else VisitorRow._make(row)


def visitors_on(session: Session, day: date) -> Sequence[VisitorRow]:
    """Return the registrations of a day that take a place, by time and name."""
    query = (
        _registrations()
        .where(ViewingSlot.day == day, ViewingRegistration.state.in_(PLACED))
        .order_by(ViewingSlot.starts_at, _visitors.c.sort_key, ViewingRegistration.id)
    )
    return [VisitorRow._make(row) for row in session.execute(query)]


def is_within_slot(session: Session, slot_id: UUID) -> bool:
    """Return True when the slot with its margin contains this moment."""
    return bool(session.scalar(select(func.is_within_viewing_slot(slot_id, func.now()))))


def items_of(session: Session, registration_id: UUID) -> Sequence[ComponentItems]:
    """Return the components that the student can see now, in the order of the test."""
    found = func.viewing_items(registration_id).table_valued(
        column("component_id", Integer),
        column("viewed", ARRAY(String)),
        column("correct", ARRAY(Boolean)),
        name="viewable",
    )
    query = (
        select(Component.code, Component.name, found.c.viewed, found.c.correct)
        .join(found, found.c.component_id == Component.id)
        .order_by(Component.position, Component.id)
    )
    return [
        ComponentItems(code, name, [ItemRow(*row) for row in zip(viewed, correct, strict=True)])
        for code, name, viewed, correct in session.execute(query)
    ]


def _registrations() -> Select[ViewingRegistration, ViewingSlot, str, str, str]:
    names = _visitors.c
    return (
        select(
            ViewingRegistration,
            ViewingSlot,
            names.family_name,
            names.given_name,
            names.school_name,
        )
        .join(ViewingSlot, ViewingSlot.id == ViewingRegistration.slot_id)
        .join(_visitors, true())
        .where(names.registration_id == ViewingRegistration.id)
    )
