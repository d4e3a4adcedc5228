"""Two schools with released fiches, and requests of schools with the login of the API."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from shared.access.decisions import act_for
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage
from tests.api.seeding import SCHOOL, Seeded, released, seed_schools
from tests.callers import school_request

OpenUnit = Callable[..., AbstractContextManager[UnitOfWork]]


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, storage: Storage) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session, storage)


@pytest.fixture
def open_now(sessions: Sessions, seeded: Seeded) -> Iterator[None]:  # noqa: ARG001  # rows to release
    with released(sessions):
        yield


@pytest.fixture(scope="module")
def open_unit(api_settings: Settings) -> Iterator[OpenUnit]:
    """Return a function that opens a unit of a school on a connection of the API."""
    engine = open_engine(api_settings, application_name="tests", max_overflow=20)
    sessions = session_factory(engine)

    @contextmanager
    def open_unit(school_id: str = SCHOOL) -> Iterator[UnitOfWork]:
        with UnitOfWork(sessions) as unit:
            act_for(unit, school_request(school_id).caller)
            yield unit

    yield open_unit
    engine.dispose()
