"""Rows of test viewing that a test of lists adds and removes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.core.database import Base
from shared.oauth.clients.models import Client
from shared.viewings.models import (
    ViewingDuty,
    ViewingLocation,
    ViewingRegistration,
    ViewingSettings,
    ViewingSlot,
)
from tests.api.seeding import ADMINISTRATION, SCHOOL

PLACE, OFFICER, SLOT = (UUID(f"00000000-0000-4000-8000-0000000000c{digit}") for digit in "123")
NOON = datetime(2030, 1, 1, 11, tzinfo=UTC)

Values = dict[str, Any]


def viewing_values(draws: Random, student: UUID) -> dict[type[Base], Callable[[Session], Values]]:
    """Return for each table the function that draws the values of a new row."""

    def slot(session: Session) -> Values:
        add_place(session)
        after = timedelta(days=draws.randrange(1, 10_000), microseconds=draws.randrange(10**9))
        return slot_values(NOON + after)

    def duty(session: Session) -> Values:
        add_place(session)
        day = date(2030, 1, 1) + timedelta(days=draws.randrange(30))
        return {"client_id": OFFICER, "location_id": PLACE, "day": day}

    def registration(session: Session) -> Values:
        add_place(session)
        of = {"administration_id": ADMINISTRATION, "school_id": SCHOOL, "student_id": student}
        cancelled = {"slot_id": SLOT, "state": "cancelled", "companions": 0}
        return {**of, **cancelled, "id": uuid4(), "code_hash": uuid4().bytes}

    return {
        ViewingLocation: lambda _: {"name": f"Zaal {uuid4()}", "address": "Brussel"},
        ViewingSlot: slot,
        ViewingDuty: duty,
        ViewingRegistration: registration,
    }


def slot_values(starts_at: datetime) -> Values:
    times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=1)}
    of = {"administration_id": ADMINISTRATION, "location_id": PLACE, "capacity": 1}
    return {**of, **times, "day": starts_at.date()}


def add_place(session: Session) -> None:
    """Add settings, a location with a slot, and an officer, unless they are there."""
    rows: tuple[tuple[type[Base], Values], ...] = (
        (ViewingSettings, {"administration_id": ADMINISTRATION}),
        (ViewingLocation, {"id": PLACE, "name": "Aula", "address": "Brussel"}),
        (ViewingSlot, {"id": SLOT, **slot_values(NOON)}),
        (Client, {"id": OFFICER, "name": "Officer", "kind": "officer", "scopes": []}),
    )
    for model, values in rows:
        session.execute(insert(model).values(**values).on_conflict_do_nothing())
