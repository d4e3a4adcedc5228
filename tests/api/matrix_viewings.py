"""Rows of test viewing that the access matrix adds for a request."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, update

from shared.core.clock import BRUSSELS
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.viewings.codes import ViewingKey
from shared.viewings.models import (
    ViewingConfirmation,
    ViewingDuty,
    ViewingRegistration,
    ViewingSlot,
)
from shared.viewings.rules import RegistrationState
from tests.api.matrix_callers import OFFICER_ID
from tests.api.seeding import ADMINISTRATION, OBJECTS, OVERVIEW, SCHOOL, Seeded
from tests.viewings.seeding import IN_TEN_DAYS, add_slot, seed_viewing

TODAY = datetime.now(BRUSSELS)
STATES = {
    "acceptViewingOffer": RegistrationState.OFFERED,
    "listDeskComponents": RegistrationState.OPEN,
    "listDeskItems": RegistrationState.OPEN,
    "closeDeskRegistration": RegistrationState.OPEN,
}
ABOUT_ONE = {"acceptViewingOffer", "getViewingConfirmation", "getViewingCalendar"}


class ViewingTargets:
    """A location with an officer on duty today, and a registration for each request."""

    def __init__(self, sessions: Sessions, seeded: Seeded, key: ViewingKey) -> None:
        self._student = seeded.students["first"]
        self._key = key
        self._location = seed_viewing(sessions, seeded).location
        with UnitOfWork(sessions) as unit:
            officer = {"id": UUID(OFFICER_ID), "name": "officer", "kind": "officer"}
            unit.session.execute(insert(Client).values(**officer, scopes=["viewings:desk"]))
            of = {"client_id": UUID(OFFICER_ID), "location_id": self._location}
            unit.session.execute(insert(ViewingDuty).values(**of, day=TODAY.date()))
            self._future = add_slot(unit.session, self._location, IN_TEN_DAYS, 1000)
            self._today = add_slot(
                unit.session, self._location, IN_TEN_DAYS + timedelta(hours=4), 1000
            )
            self._run_now(unit)

    def fixed_ids(self) -> dict[str, str]:
        ids = {"locationId": self._location, "slotId": self._future, "officerId": OFFICER_ID}
        return {name: str(value) for name, value in ids.items()} | {"viewed": "LO4-LEZ"}

    def ids(self, unit: UnitOfWork, operation: str, number: int) -> dict[str, str]:
        """Add what a request is about, in place of what an earlier one left; return its ids."""
        if operation == "withdrawViewingDuty":
            of = {"client_id": UUID(OFFICER_ID), "location_id": self._location}
            duty = insert(ViewingDuty).values(**of, day=datetime(2030, 1, 1, tzinfo=UTC).date())
            return {"dutyId": str(unit.session.scalar(duty.returning(ViewingDuty.id)))}
        if not (operation in ABOUT_ONE or "Registration" in operation or "Desk" in operation):
            return {}
        unit.session.execute(delete(ViewingRegistration))
        if operation == "createViewingRegistration":
            return {}
        is_at_desk = "Desk" in operation or operation == "lookUpRegistration"
        slot = self._today if is_at_desk else self._future
        registration = self._add(unit, slot, STATES.get(operation, RegistrationState.CONFIRMED))
        code = self._key.code_of(registration)
        moved = add_slot(
            unit.session, self._location, IN_TEN_DAYS + timedelta(days=1, seconds=number), 1
        )
        ids = {"registrationId": str(registration), "code": code}
        return ids | ({"slotId": str(moved)} if operation == "moveViewingRegistration" else {})

    def _add(self, unit: UnitOfWork, slot: UUID, state: RegistrationState) -> UUID:
        registration = uuid4()
        values: dict[str, Any] = {
            "id": registration,
            "administration_id": ADMINISTRATION,
            "school_id": SCHOOL,
            "student_id": self._student,
            "slot_id": slot,
            "state": state,
            "companions": 0,
            "code_hash": self._key.hash_of(self._key.code_of(registration)),
        }
        if state is RegistrationState.OFFERED:
            values["offer_expires_at"] = datetime.now(UTC) + timedelta(hours=1)
        unit.session.execute(insert(ViewingRegistration).values(values))
        stored = {"registration_id": registration, "school_id": SCHOOL, "version": 1}
        stored |= {"storage_key": OBJECTS["xlsx"], "byte_size": len(OVERVIEW), "sha256": b"1"}
        unit.session.execute(insert(ViewingConfirmation).values(stored))
        return registration

    def _run_now(self, unit: UnitOfWork) -> None:
        midnight = TODAY.replace(hour=0, minute=0, second=0, microsecond=0)
        times = {"starts_at": midnight, "ends_at": midnight + timedelta(hours=23, minutes=59)}
        changed = update(ViewingSlot).where(ViewingSlot.id == self._today)
        unit.session.execute(changed.values(**times, day=TODAY.date()))
