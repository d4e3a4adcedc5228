"""A process of the API that is killed while it waits for a slot takes no place."""

import time
from functools import partial

import psycopg
from sqlalchemy import text

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.viewings import service
from shared.viewings.codes import ViewingKey
from shared.viewings.service import NewRegistration
from tests.api.seeding import SCHOOL
from tests.callers import school_request
from tests.viewings.killed_process import KILLED, KilledProcess, Outcome
from tests.viewings.seeding import Viewing

ACCESS = school_request(SCHOOL)
SECONDS = 30
SESSIONS = (
    "select count(*) from pg_stat_activity"
    " where application_name = :name and datname = current_database()"
)
WAITING = f"{SESSIONS} and wait_event_type = 'Lock'"


def wait_for(sessions: Sessions, query: str, count: int) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        with UnitOfWork(sessions) as unit:
            if unit.session.execute(text(query), {"name": KILLED}).scalar_one() == count:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_that_is_killed_while_it_waits_takes_no_place(
    viewing: Viewing,
    settings: Settings,
    api_settings: Settings,
    sessions: Sessions,
    key: ViewingKey,
) -> None:
    slot = viewing.slot(1)
    new = NewRegistration(viewing.seeded.students["first"], slot)
    register = partial(service.register, access=ACCESS, key=key, new=new)
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute("select from viewing_slots where id = %s for no key update", [slot])
        process = KilledProcess.start(api_settings, register, ACCESS.caller)
        wait_for(sessions, WAITING, 1)
        process.kill()
        assert process.outcome() == KILLED
    wait_for(sessions, SESSIONS, 0)
    assert viewing.counts(slot) == (0, 0)
    again = KilledProcess.start(api_settings, register, ACCESS.caller).outcome()
    assert isinstance(again, Outcome)
    assert viewing.counts(slot) == (1, 1)
    viewing.clear()
