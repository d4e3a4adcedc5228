"""The event of an opening: once, and never before its data can be read."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event as Signal
from threading import Thread
from time import monotonic

import psycopg
import pytest
from sqlalchemy import text

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import ADMINISTRATION
from tests.changes.conftest import HOUR, SOON, Event, Reader, Release, events_of
from tests.releasing import add_recall

PRODUCT = Product.STUDENT_FEEDBACK
SEEN_AND_OPEN = """
    select exists (select from change_events) as is_seen,
           exists (select from released_components) as is_open
"""


@pytest.fixture
def reader(reader_of: Callable[..., Reader]) -> Reader:
    return reader_of()


def test_an_opening_has_one_event_once_it_has_opened(release: Release, reader: Reader) -> None:
    later = release.opens_in(HOUR)
    assert (release.sweep(), events_of(reader)) == (0, [])
    release.pass_time(HOUR)
    assert [release.sweep() for _ in range(3)] == [1, 0, 0]
    assert events_of(reader) == [Event(1, "opened", None, PRODUCT, later)]


def test_an_event_is_visible_only_while_the_gate_of_the_statement_is_open(
    release: Release, reader_of: Callable[..., Reader]
) -> None:
    release.opens_in(SOON)
    stopped = Signal()

    def sweep() -> None:
        while not stopped.is_set():
            release.sweep()

    sweepers = [Thread(target=sweep) for _ in range(2)]
    early, reader = reader_of(), reader_of()
    early.execute("begin")
    assert early.execute(SEEN_AND_OPEN).fetchone() == (False, False)
    for sweeper in sweepers:
        sweeper.start()
    seen, ends_at = set(), monotonic() + 10
    while (True, True) not in seen and monotonic() < ends_at:
        seen.add(tuple(reader.execute(SEEN_AND_OPEN).fetchone() or ()))
    stopped.set()
    for sweeper in sweepers:
        sweeper.join()
    assert {(False, False), (True, True)} <= seen
    assert (True, False) not in seen
    assert early.execute(SEEN_AND_OPEN).fetchone() == (False, False), "its gate is that of before"
    assert len(events_of(reader)) == 1


def test_readers_with_another_clock_see_no_event_before_the_gate(
    release: Release, reader: Reader
) -> None:
    release.opened()
    assert release.sweep() == 1
    reader.execute("set toetsfeedback.gate_limit = '2024-01-01 00:00:00Z'")
    assert reader.execute(SEEN_AND_OPEN).fetchone() == (False, False)


def test_sweepers_at_the_same_time_add_one_event(release: Release, reader: Reader) -> None:
    openings = {release.opened()}
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: release.sweep(), range(32))) == 1
    assert {event.source_id for event in events_of(reader)} == openings


KILLED = """
import sys, time, psycopg
connection = psycopg.connect(sys.argv[1])
assert connection.execute("select record_openings()").fetchone() == (1,)
if sys.argv[2] == "committed":
    connection.commit()
print("recorded", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("state", ["committed", "running"])
def test_a_killed_sweeper_neither_loses_nor_repeats_an_event(
    release: Release, reader: Reader, settings_of: Callable[[str], Settings], state: str
) -> None:
    opening = release.opened()
    url = settings_of("worker").database_url.get_secret_value()
    command = [sys.executable, "-c", KILLED, url, state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sweeper:
        assert sweeper.stdout is not None
        assert sweeper.stdout.readline() == "recorded\n"
        assert len(events_of(reader)) == (state == "committed")
        sweeper.kill()
    assert release.sweep() == (state == "running")
    assert events_of(reader) == [Event(1, "opened", None, PRODUCT, opening)]


def test_what_was_recalled_before_it_was_seen_has_no_event_until_it_opens_again(
    release: Release, sessions: Sessions, reader: Reader
) -> None:
    release.opened()
    with UnitOfWork(sessions) as unit:
        recall = add_recall(unit.session, ADMINISTRATION, PRODUCT)
    assert release.sweep() == 0
    again = release.opened(timedelta(seconds=1), recall)
    assert release.sweep() == 2
    assert again in {event.source_id for event in events_of(reader)}


def test_a_removed_event_does_not_come_back(release: Release, reader: Reader) -> None:
    release.opened(timedelta(days=401))
    with UnitOfWork(release.sessions) as unit:
        add_recall(unit.session, ADMINISTRATION, PRODUCT, recalled_at=text("now()"))
        unit.session.execute(text("select record_recall(id) from recalls"))
    assert release.sweep() == 0
    assert [event.kind for event in events_of(reader)] == ["recalled"]


@pytest.mark.parametrize("program", ["api", "worker", "importer", "operator"])
@pytest.mark.parametrize(
    "statement",
    [
        "insert into change_events (kind) values ('opened')",
        "update change_events set number = 1",
        "delete from change_events",
        "select released_at_commit('studentFeedback')",
    ],
)
def test_no_program_writes_events_itself(
    settings_of: Callable[[str], Settings], program: str, statement: str
) -> None:
    login = settings_of(program).database_url.get_secret_value()
    with (
        psycopg.connect(login) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)
