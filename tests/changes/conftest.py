"""Seeded schools, a student feedback that opens at a given time, and readers of change events."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import delete, select

from shared.access.products import Product
from shared.changes.models import ChangeEvent
from shared.changes.repository import record_openings
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import Component
from shared.storage.store import Storage
from tests.api.seeding import ADMINISTRATION, Seeded, seed_schools
from tests.releasing import (
    AddedManifest,
    add_opening,
    add_persons,
    add_window,
    close_everything,
    shift_time,
)

HOUR, SOON = timedelta(hours=1), timedelta(seconds=1.5)

Reader = psycopg.Connection[Any]


class Event(NamedTuple):
    """An event as a reader sees it."""

    number: int
    kind: str
    school_id: str | None
    product: str
    source_id: UUID


class Release:
    """The student feedback of the seeded administration, approved by two persons."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def opened(self, ago: timedelta = HOUR, recall_id: UUID | None = None) -> UUID:
        with UnitOfWork(self.sessions) as unit:
            session = unit.session
            opens_at = database_now(session) - ago
            if recall_id is None:
                add_window(session, ADMINISTRATION, before_plans=False, opens_at=opens_at)
            persons = add_persons(session, f"first {opens_at}", f"second {opens_at}")
            times = {"approved_at": opens_at - timedelta(days=1)}
            times |= {"expires_at": opens_at + timedelta(days=1)}
            approvals = [{"person_id": person} | times for person in persons]
            components = session.scalars(select(Component.id)).all()
            manifest = AddedManifest(component_ids=components, approvals=approvals)
            of = (ADMINISTRATION, Product.STUDENT_FEEDBACK, opens_at, [manifest])
            return add_opening(session, *of, recall_id=recall_id)

    def opens_in(self, time: timedelta) -> UUID:
        """Approve an opening of the future: one that has opened, moved there."""
        opening = self.opened()
        self.pass_time(-HOUR - time)
        return opening

    def pass_time(self, time: timedelta) -> None:
        with UnitOfWork(self.sessions) as unit:
            shift_time(unit.session, time)

    def sweep(self) -> int:
        with UnitOfWork(self.sessions) as unit:
            return record_openings(unit.session)


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, storage: Storage) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session, storage)


@pytest.fixture
def release(sessions: Sessions, seeded: Seeded) -> Iterator[Release]:
    assert seeded.components
    yield Release(sessions)
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)
        unit.session.execute(delete(ChangeEvent))


@pytest.fixture
def reader_of(api_settings: Settings) -> Iterator[Callable[..., Reader]]:
    """Return a function that connects as the API for a caller; each statement is a transaction."""
    opened = []

    def reader_of(kind: str = "operator", school: str = "") -> Reader:
        url = api_settings.database_url.get_secret_value()
        connection = psycopg.connect(url, autocommit=True, row_factory=namedtuple_row)
        opened.append(connection)
        for name, value in (("kind", kind), ("school", school), ("client", "vendor")):
            connection.execute("select set_config(%s, %s, false)", [f"toetsfeedback.{name}", value])
        return connection

    yield reader_of
    for connection in opened:
        connection.close()


def events_of(reader: Reader) -> list[Event]:
    columns = ", ".join(Event._fields)
    found = reader.execute(f"select {columns} from change_events order by number")
    return [Event(*row) for row in found]
