"""The release plan of 2024 through real processes, by three persons with their own keys.

Time passes by moving every stored instant of plan, manifests, approvals and recalls, as the owner
of the database: no process has another clock.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.cli.plan_file import read_plan
from services.cli.target import development_settings, sessions_of
from shared.core.unit_of_work import UnitOfWork
from tests.journeys.conftest import Instance
from tests.releasing import shift_time

SAMPLE = Path(__file__).parents[1] / "data" / "delivery-sample"
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "release-plan-2024.csv"
SCHOOL, ADMINISTRATION = "000028", "2024"
OF = ("--administration", ADMINISTRATION)
RELEASE = datetime.fromisoformat("2024-06-21T08:00:00+02:00")
AUTUMN = datetime.fromisoformat("2024-09-30T08:00:00+02:00")
JANUARY = datetime.fromisoformat("2025-01-15T08:00:00+01:00")

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("release_plan")]


class Calendar:
    """The plan of 2024, as far in the future as it was on the day before the release."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.now = RELEASE - timedelta(days=1)
        self.offset = datetime.now(UTC) - self.now

    @contextmanager
    def owner(self) -> Iterator[Session]:
        settings = development_settings(self.instance.data)
        with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
            yield unit.session

    def plan(self, directory: Path) -> Path:
        """Write the example with all moments moved, as JSON, and return the file."""
        plan = read_plan(EXAMPLE)
        for window in plan["windows"]:
            for name in ("plannedFrom", "opensAt", "closesAt"):
                if name in window:
                    moved = datetime.fromisoformat(window[name]) + self.offset
                    window[name] = moved.isoformat(timespec="seconds")
        file = directory / "plan.json"
        file.write_text(json.dumps(plan))
        return file

    def travel(self, to: datetime) -> None:
        with self.owner() as session:
            shift_time(session, to - self.now)
        self.now = to

    def released(self, product: str) -> set[str]:
        query = (
            "select code from released_components released"
            " join components on components.id = released.component_id where product = :product"
        )
        with self.owner() as session:
            return set(session.scalars(text(query), {"product": product}))


@pytest.fixture(scope="module")
def calendar(instance: Instance) -> Calendar:
    instance.cli("import", str(SAMPLE))
    return Calendar(instance)


def openings(operator: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operator.get(
        "/v1/openings", params={"administrationId": ADMINISTRATION, "pageSize": 200}
    ).json()["items"]
    return found


def documents(school: httpx.Client) -> int:
    found = school.get(f"/v1/schools/{SCHOOL}/documents", params={"pageSize": 1})
    return int(found.json()["total"])


def figures(school: httpx.Client) -> set[str]:
    """Return the components with school feedback that the school can read."""
    found = school.get(
        f"/v1/schools/{SCHOOL}/feedback", params={"administrationId": ADMINISTRATION}
    )
    groups = found.json()["targetGroups"]
    return {one["component"] for group in groups for one in group["components"]}


def approve(calendar: Calendar, opening: str) -> None:
    """Verify an opening, and approve it as two other persons than the one that planned it."""
    assert "faults: 0" in calendar.instance.cli("release", "verify", opening)
    for person in ("2", "3"):
        said = calendar.instance.cli("release", "approve", opening, "--yes", "--person", person)
        assert opening in said


def test_the_plan_of_2024_runs_through(calendar: Calendar, tmp_path: Path) -> None:
    instance = calendar.instance
    operator, school = instance.operator(), instance.school(SCHOOL)
    said = instance.cli("release", "plan", str(calendar.plan(tmp_path)), *OF)
    assert "planned: notVerified" in said
    instance.cli("build", *OF, "--follow")  # fiches name the days of viewing
    planned = {(one["product"], len(one["components"])): one["id"] for one in openings(operator)}
    student, feedback = planned["studentFeedback", 8], planned["schoolFeedback", 8]
    calibration = planned["schoolFeedback", 3]

    assert documents(school) == 0, "sealed"
    approve(calendar, student)
    assert documents(school) == 0, "approved, and sealed until it opens"
    assert "ready" in instance.cli("release", "show", *OF)

    calendar.travel(RELEASE - timedelta(minutes=20))
    assert documents(school) == 0
    calendar.travel(RELEASE)
    opened = documents(school)
    assert opened > 0
    assert calendar.released("schoolFeedback") == set()

    recall = instance.cli(
        "release", "recall", *OF, "--reason", "wrong norm", "--product", "studentFeedback"
    )
    assert documents(school) == 0, "recalled"
    reopen(calendar, operator, recall.split()[0])
    assert documents(school) == 0, "still recalled"
    calendar.travel(calendar.now + timedelta(days=1))
    assert documents(school) == opened, "re-opened"

    calendar.travel(AUTUMN - timedelta(days=1))
    instance.cli("compute", *OF, "--follow")
    instance.cli("build", *OF, "--follow")
    assert figures(school) == set(), "sealed"
    approve(calendar, feedback)
    approve(calendar, calibration)
    calendar.travel(AUTUMN)
    numbers = calendar.released("schoolFeedback")
    assert len(numbers) == 8
    assert figures(school) <= numbers
    assert figures(school) != set()
    assert not numbers & {"SO2A-TAB", "SO2A-MEE", "SO2B-TAB", "SO2A-SCHK", "SO2B-SCHK"}
    calendar.travel(JANUARY - timedelta(days=1))
    assert "approvalsMissing" in instance.cli("release", "show", *OF), "approvals have expired"
    approve(calendar, calibration)
    calendar.travel(JANUARY)
    calibrations = calendar.released("schoolFeedback") - numbers
    assert calibrations == {"SO2A-TAB", "SO2A-MEE", "SO2B-TAB"}
    assert calendar.released("studentFeedback") & calibrations == set()
    calendar.travel(JANUARY + timedelta(days=3650))
    assert not calendar.released("schoolFeedback") & {"SO2A-SCHK", "SO2B-SCHK"}
    assert documents(school) == opened + 2, "a report and a workbook of school feedback"


def reopen(calendar: Calendar, operator: httpx.Client, recall: str) -> None:
    """Plan the end of a recall for the next day, and let two persons approve it."""
    path = f"/v1/releasePlans/{ADMINISTRATION}"
    present = operator.get(path)
    names = ("product", "component", "plannedFrom", "opensAt", "closesAt", "never")
    windows = [
        {name: one[name] for name in names if name in one} for one in present.json()["windows"]
    ]
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=23)
    reopening = {"recallId": recall, "opensAt": at.isoformat()}
    replaced = operator.put(
        path,
        json={"windows": windows, "reopenings": [reopening]},
        headers={"If-Match": present.headers["ETag"]},
    )
    assert replaced.status_code == 200, replaced.text
    (opening,) = replaced.json()["changedOpenings"]
    calendar.instance.cli("build", *OF, "--follow")  # the days of viewing have moved
    approve(calendar, opening)
