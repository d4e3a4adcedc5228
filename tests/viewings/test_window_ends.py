"""The ends of the window of test viewing: for registrations, and for what the desk shows."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, text

from shared.access.products import Product
from shared.core.clock import BRUSSELS, database_now
from shared.core.database import Sessions, set_local_settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.releases.models import ReleaseWindow
from shared.viewings.models import ViewingDuty, ViewingRegistration
from tests.api.seeding import ADMINISTRATION, LONG_AGO, SCHOOL
from tests.releasing import add_window
from tests.viewings.seeding import Viewing, add_slot

SECOND = timedelta(seconds=1)
SLOT = timedelta(minutes=90)


def set_window(sessions: Sessions, opens_at: datetime, closes_at: datetime | None) -> None:
    product = Product.TEST_VIEWING
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ReleaseWindow).where(ReleaseWindow.product == product))
        add_window(unit.session, ADMINISTRATION, product, opens_at=opens_at, closes_at=closes_at)


def answer(sessions: Sessions, caller: dict[str, str], query: str, **values: Any) -> Any:
    """Return the only value of a query of a caller."""
    with UnitOfWork(sessions) as unit:
        settings = {f"toetsfeedback.{name}": value for name, value in caller.items()}
        set_local_settings(unit.session, settings)
        return unit.session.execute(text(query), values).scalar_one()


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime(2031, 6, 25, 14, 0, tzinfo=BRUSSELS),
        datetime(2031, 3, 30, 1, 0, tzinfo=BRUSSELS),  # over the hour that is skipped
        datetime(2031, 10, 26, 1, 0, tzinfo=BRUSSELS),  # into the hour that occurs twice
        datetime(2031, 6, 26, 22, 30, tzinfo=BRUSSELS),  # until midnight
    ],
)
def test_a_slot_lies_within_the_window_to_the_second(
    viewing: Viewing, sessions: Sessions, api_sessions: Sessions, starts_at: datetime
) -> None:
    with UnitOfWork(sessions) as unit:
        slot = add_slot(unit.session, viewing.location, starts_at, 1)
    start = database_moment(sessions, slot)
    school = {"kind": "school", "school": SCHOOL}

    def can_view(opens_at: datetime, closes_at: datetime) -> bool:
        set_window(sessions, opens_at, closes_at)
        of = {"student": viewing.seeded.students["first"], "slot": slot}
        return bool(answer(api_sessions, school, "select can_view_test(:student, :slot)", **of))

    assert can_view(start, start + SLOT)
    assert not can_view(start + SECOND, start + SLOT)
    assert not can_view(start, start + SLOT - SECOND)


def database_moment(sessions: Sessions, slot: UUID) -> datetime:
    """Return when a slot begins, in UTC: across a change of the clocks, hours count as hours."""
    query = "select starts_at from viewing_slots where id = :slot"
    moment = answer(sessions, {}, query, slot=slot)
    assert isinstance(moment, datetime)
    return moment


def test_items_are_shown_until_the_end_of_the_window(
    viewing: Viewing, sessions: Sessions, api_sessions: Sessions
) -> None:
    officer, registration = uuid4(), uuid4()
    with UnitOfWork(sessions) as unit:
        now = database_now(unit.session)
        day = now.astimezone(BRUSSELS).date()
        midnight = datetime(day.year, day.month, day.day, tzinfo=BRUSSELS)
        begins = min(max(now - SLOT / 2, midnight), midnight + timedelta(days=1) - SLOT)
        slot = add_slot(unit.session, viewing.location, begins, 1)
        client = {"id": officer, "name": f"officer {officer}", "kind": "officer", "scopes": []}
        unit.session.execute(insert(Client).values(client))
        duty = {"client_id": officer, "location_id": viewing.location, "day": day}
        unit.session.execute(insert(ViewingDuty).values(duty))
        values = {"id": registration, "slot_id": slot, "state": "open", "companions": 0}
        values |= {"administration_id": ADMINISTRATION, "school_id": SCHOOL}
        values |= {"student_id": viewing.seeded.students["first"], "code_hash": b"1"}
        unit.session.execute(insert(ViewingRegistration).values(values))
    caller = {"kind": "officer", "client": str(officer)}

    def shown(opens_at: datetime, closes_at: datetime | None) -> int:
        set_window(sessions, opens_at, closes_at)
        query = "select count(*) from viewing_items(:id)"
        return int(answer(api_sessions, caller, query, id=registration))

    later = now + timedelta(hours=1)
    assert shown(LONG_AGO, None) == shown(LONG_AGO, later) == 1
    assert shown(LONG_AGO, now) == shown(later, None) == 0
