"""An API whose clock differs from that of the database opens nothing that is not open yet."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from shared.core.clock_guard import utc_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import ADMINISTRATION, SCHOOL
from tests.releasing import add_window, close_everything

DOCUMENTS = f"/v1/schools/{SCHOOL}/documents"
GAUGE = "toetsfeedback_clock_difference_seconds"


@pytest.fixture(autouse=True)
def right_clock(app: FastAPI, sessions: Sessions) -> Iterator[None]:
    yield
    app.state.resources.clock.now = utc_now
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)


def open_window(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        add_window(unit.session, ADMINISTRATION, opens_at=utc_now())


@pytest.mark.parametrize("difference", [timedelta(hours=-1), timedelta(seconds=10)])
def test_nothing_opens_while_the_clocks_differ(
    app: FastAPI, school: httpx.Client, sessions: Sessions, difference: timedelta
) -> None:
    assert school.get(DOCUMENTS).json()["total"] == 0
    clock = app.state.resources.clock
    clock.now = lambda: utc_now() + difference
    with capture_logs() as lines:
        school.get(DOCUMENTS)
    assert [line["event"] for line in lines if "clocks" in line["event"]] == ["clocks_differ"]
    open_window(sessions)
    assert [school.get(DOCUMENTS).json()["total"] for _ in range(3)] == [0, 0, 0]
    measured = app.state.metrics.registry.get_sample_value(GAUGE)
    assert measured == pytest.approx(abs(difference.total_seconds()), abs=1)
    clock.now = utc_now
    assert school.get(DOCUMENTS).json()["total"] > 0


def test_what_is_open_stays_open_while_the_clocks_differ(
    app: FastAPI, school: httpx.Client, sessions: Sessions
) -> None:
    open_window(sessions)
    assert school.get(DOCUMENTS).json()["total"] > 0
    app.state.resources.clock.now = lambda: utc_now() - timedelta(hours=1)
    assert school.get(DOCUMENTS).json()["total"] > 0
    assert school.get(DOCUMENTS).json()["total"] > 0
