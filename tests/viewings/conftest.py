"""Two schools with slots to register for, and requests with the login of the API."""

from collections.abc import Iterator

import pytest

from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.viewings.codes import ViewingKey
from tests.api.seeding import Seeded, seed_schools
from tests.viewings.seeding import Viewing, seed_viewing, viewing_opened


@pytest.fixture(scope="module")
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture(scope="module")
def viewing(sessions: Sessions, seeded: Seeded) -> Iterator[Viewing]:
    """Open test viewing for the tests of a module."""
    rows = seed_viewing(sessions, seeded)
    with viewing_opened(sessions):
        yield rows


@pytest.fixture(scope="module")
def api_sessions(api_settings: Settings) -> Iterator[Sessions]:
    engine = open_engine(api_settings, application_name="tests", max_overflow=30)
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def key(settings: Settings) -> ViewingKey:
    return ViewingKey.read(settings.require_file("viewing_key_file"))
