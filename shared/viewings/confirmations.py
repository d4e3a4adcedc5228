"""Confirmations: their content, and where the PDF is that a worker makes of a registration's row.

They show no result and are nobody's document but the registering school's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.results.models import Administration
from shared.schools.models import Participation
from shared.students.models import Student
from shared.viewings.models import (
    ViewingConfirmation,
    ViewingLocation,
    ViewingRegistration,
    ViewingSlot,
)
from shared.viewings.rules import RegistrationState

PREFIX = "viewings"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationContent:
    """The content of a confirmation."""

    student_name: str
    school_name: str
    administration_name: str
    location_name: str
    address: str
    starts_at: datetime
    ends_at: datetime
    companions: int
    code: str


class UnconfirmedRow(NamedTuple):
    """A confirmed registration of which the present version has no PDF, with what it shows."""

    registration: ViewingRegistration
    slot: ViewingSlot
    location: ViewingLocation
    student: Student
    school_name: str
    administration_name: str

    def content(self, code: str) -> ConfirmationContent:
        return ConfirmationContent(
            student_name=f"{self.student.given_name} {self.student.family_name}".strip(),
            school_name=self.school_name,
            administration_name=self.administration_name,
            location_name=self.location.name,
            address=self.location.address,
            starts_at=self.slot.starts_at,
            ends_at=self.slot.ends_at,
            companions=self.registration.companions,
            code=code,
        )


def unconfirmed(session: Session, limit: int) -> Sequence[UnconfirmedRow]:
    """Return the registrations that have waited longest for their PDF."""
    registration, confirmation = ViewingRegistration, ViewingConfirmation
    takes_part = and_(
        Participation.administration_id == registration.administration_id,
        Participation.school_id == registration.school_id,
    )
    query = (
        select(
            registration,
            ViewingSlot,
            ViewingLocation,
            Student,
            Participation.name,
            Administration.name,
        )
        .join(ViewingSlot, ViewingSlot.id == registration.slot_id)
        .join(ViewingLocation, ViewingLocation.id == ViewingSlot.location_id)
        .join(Student, Student.id == registration.student_id)
        .join(Participation, takes_part)
        .join(Administration, Administration.id == registration.administration_id)
        .outerjoin(confirmation, confirmation.registration_id == registration.id)
        .where(
            registration.state == RegistrationState.CONFIRMED,
            or_(
                confirmation.version.is_(None),
                confirmation.version != registration.version,
            ),
        )
        .order_by(registration.number)
        .limit(limit)
    )
    return [UnconfirmedRow._make(row) for row in session.execute(query)]


def object_key(registration_id: UUID, version: int) -> str:
    """Return the key of a PDF: a moved registration gets another object."""
    return f"{PREFIX}/{registration_id}/{version}.pdf"


@dataclass(frozen=True, slots=True)
class StoredConfirmation:
    """The PDF of one version of a registration."""

    registration_id: UUID
    version: int
    byte_size: int
    sha256: bytes


def add_confirmation(session: Session, stored: StoredConfirmation) -> None:
    """Add a stored PDF in place of that of an earlier version; one that is outdated is left out."""
    registration = ViewingRegistration
    row = select(
        registration.id,
        registration.school_id,
        registration.version,
        literal(object_key(stored.registration_id, stored.version)),
        literal(stored.byte_size),
        literal(stored.sha256),
    ).where(registration.id == stored.registration_id, registration.version == stored.version)
    names = ["registration_id", "school_id", "version", "storage_key", "byte_size", "sha256"]
    added = insert(ViewingConfirmation).from_select(names, row)
    values = {name: added.excluded[name] for name in names[2:]} | {"made_at": func.now()}
    session.execute(added.on_conflict_do_update(index_elements=names[:1], set_=values))


def remake_lost(session: Session, stored: Collection[str]) -> None:
    """Let the PDFs be made again whose object is not among those that are stored."""
    found = session.scalars(select(ViewingConfirmation.storage_key))
    lost = set(found) - set(stored)
    if lost:
        outdated = update(ViewingConfirmation).where(ViewingConfirmation.storage_key.in_(lost))
        session.execute(outdated.values(version=0))


def stored_keys(session: Session, keys: list[str]) -> set[str]:
    """Return those of the keys that a confirmation has."""
    found = select(ViewingConfirmation.storage_key).where(ViewingConfirmation.storage_key.in_(keys))
    return set(session.scalars(found))


def remove_expired_registrations(session: Session) -> int:
    """Remove registrations with their codes some time after their window; return their number."""
    return int(session.execute(select(func.remove_expired_viewings())).scalar_one())
