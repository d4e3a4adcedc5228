"""Rows of test viewing: items that can be viewed, windows, settings, and slots of a location."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import BRUSSELS
from shared.core.collation import class_list_key
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.releases.models import ReleaseWindow
from shared.results.models import ItemResult, Result
from shared.students.models import Student
from shared.viewings.models import (
    ViewingLocation,
    ViewingRegistration,
    ViewingSchoolDay,
    ViewingSettings,
    ViewingSlot,
)
from shared.viewings.rules import PLACED
from tests.api.seeding import ADMINISTRATION, LONG_AGO, Seeded
from tests.releasing import add_window

ITEMS = [f"item {number}" for number in range(1, 8)]
IN_TEN_DAYS = datetime.now(BRUSSELS).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(
    days=10
)


@dataclass
class Viewing:
    """A location with slots of 90 minutes, from ten days from now on."""

    sessions: Sessions
    seeded: Seeded
    location: UUID

    def slot(self, capacity: int = 2, *, starts_at: datetime | None = None) -> UUID:
        """Add a slot; without a time, one in ten days that begins as no other does."""
        with UnitOfWork(self.sessions) as unit:
            if starts_at is None:
                number = unit.session.scalar(select(func.count()).select_from(ViewingSlot)) or 0
                starts_at = IN_TEN_DAYS + timedelta(seconds=number)
            return add_slot(unit.session, self.location, starts_at, capacity)

    def counts(self, slot: UUID) -> tuple[int, int]:
        """Return the taken places of a slot, as counted by the database and by its rows."""
        placed = select(func.count()).where(
            ViewingRegistration.slot_id == slot, ViewingRegistration.state.in_(PLACED)
        )
        with UnitOfWork(self.sessions) as unit:
            counted = unit.session.scalar(placed)
            taken = unit.session.scalar(select(ViewingSlot.taken).where(ViewingSlot.id == slot))
        assert counted is not None
        assert taken is not None
        return taken, counted

    def configure(self, **settings: Any) -> None:
        with UnitOfWork(self.sessions) as unit:
            unit.session.execute(update(ViewingSettings).values(settings))

    def change(self, registration: str, **values: Any) -> None:
        with UnitOfWork(self.sessions) as unit:
            changed = update(ViewingRegistration).where(
                ViewingRegistration.id == UUID(registration)
            )
            unit.session.execute(changed.values(values))

    def run_now(self, slot: UUID) -> None:
        """Let a slot run now, or within its margin where the day is about to end."""
        now = datetime.now(BRUSSELS)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        last = midnight.replace(hour=23, minute=57)
        starts_at = min(max(now - timedelta(seconds=slot.int % 60), midnight), last)
        times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=2)}
        with UnitOfWork(self.sessions) as unit:
            changed = update(ViewingSlot).where(ViewingSlot.id == slot)
            unit.session.execute(changed.values(**times, day=midnight.date()))

    def clear(self) -> None:
        """Remove all registrations and days, and set the settings to their defaults."""
        with UnitOfWork(self.sessions) as unit:
            unit.session.execute(delete(ViewingRegistration))
            unit.session.execute(delete(ViewingSchoolDay))
            unit.session.execute(delete(ViewingSettings).where(ViewingSettings.companions > 9))
            values = {"companions": 1, "deadline_days": 3, "school_quota": None}
            unit.session.execute(update(ViewingSettings).values(values))


def add_slot(session: Session, location: UUID, starts_at: datetime, capacity: int) -> UUID:
    values = {
        "administration_id": ADMINISTRATION,
        "location_id": location,
        "day": starts_at.astimezone(BRUSSELS).date(),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=90),
        "capacity": capacity,
    }
    slot = insert(ViewingSlot).values(values).returning(ViewingSlot.id)
    return session.execute(slot).scalar_one()


def add_items(
    session: Session, seeded: Seeded, label: str, component: str, correct: list[bool]
) -> None:
    """Add the item results of a student for a component."""
    student = session.get_one(Student, seeded.students[label])
    values = {
        "student_id": student.id,
        "component_id": seeded.components[component],
        "school_id": student.school_id,
        "items": ITEMS[: len(correct)],
        "correct": correct,
    }
    session.execute(insert(ItemResult).values(values))


def add_students(session: Session, seeded: Seeded, number: int) -> list[UUID]:
    """Add students of class group 4A, each with a result and an item of reading."""
    first = session.get_one(Student, seeded.students["first"])
    of = {"administration_id": ADMINISTRATION, "school_id": first.school_id}
    rows = [
        {
            **of,
            "class_group_id": first.class_group_id,
            "delivered_as": f"viewer {index}",
            "family_name": "Familie-first",
            "given_name": f"Kijker {index}",
            "sort_key": class_list_key("4A", "Familie-first", "Kijker", f"viewer {index}"),
        }
        for index in range(number)
    ]
    students = session.scalars(insert(Student).returning(Student.id), rows).all()
    reading = {"component_id": seeded.components["LO4-LEZ"]}
    result = {"status": "reported", "level_id": seeded.levels["LO-C"]}
    result |= {"delivery_id": seeded.delivery}
    results = [{**of, **reading, **result, "student_id": student} for student in students]
    session.execute(insert(Result), results)
    items = {"items": ["item 1"], "correct": [True], "school_id": first.school_id, **reading}
    session.execute(insert(ItemResult), [{**items, "student_id": one} for one in students])
    return list(students)


def seed_viewing(sessions: Sessions, seeded: Seeded) -> Viewing:
    """Add settings, a location, and items of two students, calibrations among them."""
    with UnitOfWork(sessions) as unit:
        unit.session.execute(insert(ViewingSettings).values(administration_id=ADMINISTRATION))
        place = {"name": "Belpairegebouw", "address": "Simon Bolivarlaan 17, 1000 Brussel"}
        place["sort_key"] = "belpairegebouw"
        location = insert(ViewingLocation).values(place).returning(ViewingLocation.id)
        location_id = unit.session.execute(location).scalar_one()
        add_items(unit.session, seeded, "first", "LO4-LEZ", [True, False, True, True, False])
        add_items(unit.session, seeded, "first", "LO4-WIS", [True, True])  # absent: never shown
        add_items(unit.session, seeded, "second", "LO4-LEZ", [False, False, True])
        add_items(unit.session, seeded, "other", "SO2A-LEZ", [True])
        add_items(unit.session, seeded, "other", "SO2A-KAL", [True, False])
    return Viewing(sessions, seeded, location_id)


def open_viewing(session: Session, *, until: datetime | None = None) -> None:
    """Release student feedback, and open test viewing, both from long ago."""
    for product in (Product.STUDENT_FEEDBACK, Product.TEST_VIEWING):
        add_window(session, ADMINISTRATION, product, opens_at=LONG_AGO, closes_at=until)


@contextmanager
def viewing_opened(sessions: Sessions) -> Iterator[None]:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ReleaseWindow))
        open_viewing(unit.session)
    try:
        yield
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(delete(ReleaseWindow))


def drop_guard(session: Session) -> None:
    """Remove the guard against overbooking."""
    session.execute(
        text("alter table viewing_slots drop constraint ck_viewing_slots_taken_within_capacity")
    )


NOW = datetime.now(UTC)
