"""The hours of the desk in the database: around midnight, margins, and changes of the clocks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from shared.core.clock import BRUSSELS
from shared.core.database import Sessions, set_local_settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.viewings.models import ViewingDuty
from tests.viewings.seeding import Viewing, add_slot

MINUTE = timedelta(minutes=1)
SLOT_MINUTES = 90
AtDesk = Callable[[datetime], bool]


def at_desk_of(viewing: Viewing, sessions: Sessions, starts_at: datetime) -> AtDesk:
    """Add a slot of 90 minutes with an officer on its day; return when that officer has it."""
    officer = uuid4()
    with UnitOfWork(sessions) as unit:
        slot = add_slot(unit.session, viewing.location, starts_at, 1)
        client = {"id": officer, "name": f"officer {officer}", "kind": "officer", "scopes": []}
        unit.session.execute(insert(Client).values(client))
        day = starts_at.astimezone(BRUSSELS).date()
        duty = {"client_id": officer, "location_id": viewing.location, "day": day}
        unit.session.execute(insert(ViewingDuty).values(duty))

    def at_desk(moment: datetime) -> bool:
        with UnitOfWork(sessions) as unit:
            caller = {"toetsfeedback.kind": "officer", "toetsfeedback.client": str(officer)}
            set_local_settings(unit.session, caller)
            found: list[UUID] = unit.session.execute(
                text("select desk_slots_at(:moment)"), {"moment": moment}
            ).scalar_one()
        return slot in found

    return at_desk


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime(2031, 6, 25, 14, 0, tzinfo=BRUSSELS),
        datetime(2031, 3, 30, 1, 0, tzinfo=BRUSSELS),  # over the hour that is skipped
        datetime(2031, 10, 26, 1, 0, tzinfo=BRUSSELS),  # into the hour that occurs twice
        datetime(2031, 6, 26, 22, 30, tzinfo=BRUSSELS),  # until midnight
        datetime(2031, 6, 27, 0, 0, tzinfo=BRUSSELS),  # from midnight
    ],
)
def test_an_officer_has_a_slot_on_its_day_and_within_its_margin(
    viewing: Viewing, sessions: Sessions, starts_at: datetime
) -> None:
    at_desk = at_desk_of(viewing, sessions, starts_at)
    start = starts_at.astimezone(UTC)
    end = start + SLOT_MINUTES * MINUTE
    day = starts_at.astimezone(BRUSSELS).date()
    for moment in (start, start - 15 * MINUTE, end, end + 14 * MINUTE):
        assert at_desk(moment)
    for moment in (start - 26 * 60 * MINUTE, end + 26 * 60 * MINUTE):
        assert not at_desk(moment)
    for minutes in range(-30, 16):  # around both midnights of the day
        for midnight in (day, day + timedelta(days=1)):
            moment = datetime(midnight.year, midnight.month, midnight.day, tzinfo=BRUSSELS)
            moment = moment.astimezone(UTC) + minutes * MINUTE
            is_within = start - 15 * MINUTE <= moment < end + 15 * MINUTE
            is_today = moment.astimezone(BRUSSELS).date() == day
            assert at_desk(moment) is (is_within or is_today)


def test_a_slot_over_midnight_is_refused(viewing: Viewing, sessions: Sessions) -> None:
    late = datetime(2031, 6, 25, 22, 31, tzinfo=BRUSSELS)
    with pytest.raises(DBAPIError, match="within_its_day"), UnitOfWork(sessions) as unit:
        add_slot(unit.session, viewing.location, late, 1)
