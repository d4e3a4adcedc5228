from typing import Any

import httpx
import pytest

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import ADMINISTRATION, LONG_AGO
from tests.releasing import add_window

WINDOWS = "/v1/releaseWindows"

pytestmark = pytest.mark.usefixtures("no_windows")


def plan(sessions: Sessions, **values: Any) -> str:
    """Add a window and return its path."""
    with UnitOfWork(sessions) as unit:
        window = add_window(unit.session, ADMINISTRATION, Product.STUDENT_FEEDBACK, **values)
    return f"{WINDOWS}/{window}"


def test_a_window_has_its_times_in_the_offset_of_brussels(
    operator: httpx.Client, sessions: Sessions
) -> None:
    href = plan(sessions, planned_from_at="2024-06-21T00:00:00Z", opens_at="2024-06-21T06:00:00Z")
    body = operator.get(href).json()
    assert body.pop("updatedAt")
    assert httpx.URL(body.pop("href")).path == href
    assert body == {
        "id": href.rpartition("/")[2],
        "administrationId": ADMINISTRATION,
        "product": "studentFeedback",
        "plannedFrom": "2024-06-21T02:00:00+02:00",
        "opensAt": "2024-06-21T08:00:00+02:00",
        "never": False,
        "state": "open",
    }


def test_a_window_of_a_component_belongs_to_its_target_group(
    operator: httpx.Client, sessions: Sessions
) -> None:
    body = operator.get(plan(sessions, component="LO4-LEZ", never=True)).json()
    assert (body["component"], body["targetGroup"], body["state"]) == ("LO4-LEZ", "LO4", "never")


def test_a_school_reads_release_windows(school: httpx.Client, sessions: Sessions) -> None:
    plan(sessions, target_group="LO4", opens_at="2099-01-01T00:00:00+01:00")
    plan(sessions)
    plan(sessions, component="LO4-WIS", before_plans=False, opens_at=LONG_AGO)
    items = school.get(f"{WINDOWS}?administrationId={ADMINISTRATION}").json()["items"]
    assert [(item.get("targetGroup"), item["state"]) for item in items] == [
        (None, "closed"),
        ("LO4", "planned"),
        ("LO4", "blocked"),
    ]
    assert school.get(items[0]["href"]).json() == items[0]
    assert school.get(f"{WINDOWS}?administrationId=2025").json()["total"] == 0


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_only_a_release_plan_writes_windows(
    operator: httpx.Client, sessions: Sessions, method: str
) -> None:
    href = WINDOWS if method == "POST" else plan(sessions)
    assert operator.request(method, href, json={"never": True}).status_code == 405
