"""The commands for test viewing, on a running instance."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.cli.target import sessions_of, settings_for
from shared.access.products import Product
from shared.core.unit_of_work import UnitOfWork
from tests.cli.conftest import Run
from tests.journeys.conftest import Instance
from tests.releasing import add_window

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]

RunCommand = Callable[..., Run]
DAY = (datetime.now(UTC) + timedelta(days=30)).date()


def test_an_operator_plans_a_viewing(run: RunCommand, instance: Instance) -> None:
    data = ("--data", str(instance.data))

    def viewing(*arguments: str) -> str:
        done = run("viewing", *arguments, *data)
        assert done.code == 0, done.err
        return done.out

    owner = settings_for(instance.data, "owner")
    with sessions_of(owner) as sessions, UnitOfWork(sessions) as unit:
        opens_at = datetime.now(UTC) + timedelta(days=20)
        add_window(unit.session, "2024", Product.TEST_VIEWING, opens_at=opens_at)
    administration = ("--administration", "2024")
    assert "schoolQuota" in viewing("configure", *administration, "--school-quota", "30")
    location = viewing("add-location", "Hal", "Simon Bolivarlaan 17, 1000 Brussel").strip()
    assert location in viewing("locations")
    of = (*administration, "--location", location, "--day", str(DAY))
    added = viewing("add-day", *of, "--capacity", "20", "--closes-at", "12:00")
    assert len(added.splitlines()) == 3
    slot = added.splitlines()[1].split()[0]
    assert " 25 " in viewing("set-capacity", slot, "25")
    listed = viewing("slots", *administration, "--day", str(DAY))
    assert listed.splitlines()[1].split()[-2:] == ["25", "25"]
    refused = run("viewing", "add-duty", location, *of[2:], *data)
    assert refused.code != 0
    assert "CLIENT: There is no such client of a viewing officer." in refused.err
    assert viewing("duties").splitlines() == ["id  day  client  person  location"]


def test_a_day_outside_of_the_windows_is_refused(run: RunCommand, instance: Instance) -> None:
    data = ("--data", str(instance.data))
    location = run("viewing", "locations", *data).out.splitlines()[1].split()[0]
    of = ("--administration", "2024", "--location", location, "--capacity", "1")
    refused = run("viewing", "add-day", *of, "--day", "2024-06-26", *data)
    assert refused.code != 0
    assert "plan the window first" in refused.err
