"""Release plans through the API: one person plans, and others approve what was verified."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import AuditLog, Callers
from tests.api.operators import Operator, operators
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL
from tests.releasing import add_window, close_everything

PLAN = f"/v1/releasePlans/{ADMINISTRATION}"
FUTURE = datetime(2098, 6, 21, 6, 0, tzinfo=UTC)
AUTUMN = FUTURE + timedelta(days=90)
STUDENT, SCHOOL_PRODUCT = "studentFeedback", "schoolFeedback"


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers) -> Sequence[Operator]:
    return operators(sessions, callers, "planner", "first", "second")


@pytest.fixture(scope="module")
def planner(persons: Sequence[Operator]) -> httpx.Client:
    return persons[0].api


@pytest.fixture(autouse=True)
def nothing_planned(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)


def window(product: str = STUDENT, **values: Any) -> dict[str, Any]:
    moments = {name: one.isoformat() for name, one in values.items() if isinstance(one, datetime)}
    return {"product": product} | values | moments


def put(api: httpx.Client, *windows: dict[str, Any], **body: Any) -> httpx.Response:
    version = api.get(PLAN).headers["ETag"]
    return api.put(PLAN, json={"windows": windows} | body, headers={"If-Match": version})


def openings(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/openings?administrationId={ADMINISTRATION}").json()[
        "items"
    ]
    return found


def test_a_plan_is_replaced_as_a_whole(planner: httpx.Client) -> None:
    never = window(component="LO4-WIS", never=True)
    created = put(planner, window(opensAt=FUTURE, plannedFrom=FUTURE), never)
    assert created.status_code == 200, created.text
    assert created.headers["ETag"] == planner.get(PLAN).headers["ETag"]
    assert [
        (one["product"], one.get("component"), one.get("opensAt"), one["state"])
        for one in created.json()["windows"]
    ] == [
        (STUDENT, None, "2098-06-21T08:00:00+02:00", "planned"),
        (STUDENT, "LO4-WIS", None, "never"),
    ]
    replaced = put(planner, window(opensAt=AUTUMN)).json()
    assert [one.get("opensAt") for one in replaced["windows"]] == ["2098-09-19T08:00:00+02:00"]
    first, *_ = created.json()["windows"]
    assert replaced["windows"][0]["id"] == first["id"]
    assert put(planner).json()["windows"] == []


def test_a_plan_that_has_changed_since_is_not_replaced(planner: httpx.Client) -> None:
    version = planner.get(PLAN).headers["ETag"]
    put(planner, window(opensAt=FUTURE))
    refused = planner.put(PLAN, json={"windows": []}, headers={"If-Match": version})
    assert refused.status_code == 412
    assert refused.json()["type"].endswith(":preconditionFailed")
    assert planner.put(PLAN, json={"windows": []}).status_code == 400
    assert len(planner.get(PLAN).json()["windows"]) == 1


def test_windows_that_share_a_moment_are_one_opening(
    planner: httpx.Client, persons: Sequence[Operator]
) -> None:
    put(
        planner,
        window(targetGroup="LO4", opensAt=FUTURE),
        window(targetGroup="SO2A", opensAt=FUTURE),
        window(SCHOOL_PRODUCT, opensAt=AUTUMN),
        window(SCHOOL_PRODUCT, component="SO2A-KAL", opensAt=AUTUMN + timedelta(days=120)),
    )
    found = openings(planner)
    assert [(one["product"], one["components"]) for one in found] == [
        (STUDENT, ["LO4-LEZ", "LO4-WIS", "SO2A-LEZ"]),
        (SCHOOL_PRODUCT, ["LO4-LEZ", "LO4-WIS", "SO2A-LEZ"]),
        (SCHOOL_PRODUCT, ["SO2A-KAL"]),
    ]
    for one in found:
        assert (one["state"], one["blockedBy"]) == ("planned", "notVerified")
        assert one["plannedBy"] == [str(persons[0].person_id)]
        assert one["approvalsNeeded"] == 2


def test_a_change_of_the_plan_concerns_the_openings_that_it_changes(planner: httpx.Client) -> None:
    first = window(opensAt=FUTURE)
    created = put(planner, first, window(SCHOOL_PRODUCT, opensAt=AUTUMN)).json()
    by_product = {one["product"]: one["id"] for one in openings(planner)}
    assert set(created["changedOpenings"]) == set(by_product.values())
    moved = put(planner, first, window(SCHOOL_PRODUCT, opensAt=AUTUMN + timedelta(days=1))).json()
    assert by_product[STUDENT] not in moved["changedOpenings"]
    assert by_product[SCHOOL_PRODUCT] in moved["changedOpenings"]
    states = {one["id"]: one["state"] for one in openings(planner)}
    assert states[by_product[SCHOOL_PRODUCT]] == "withdrawn"
    narrowed = put(
        planner,
        first,
        window(component="LO4-WIS", never=True),
        window(SCHOOL_PRODUCT, opensAt=AUTUMN + timedelta(days=1)),
    )
    assert narrowed.json()["changedOpenings"] == [by_product[STUDENT]]


@pytest.mark.parametrize(
    ("refused", "name"),
    [
        (window(targetGroup="SO9"), "/windows/1/targetGroup"),
        (window(component="SO9-LEZ"), "/windows/1/component"),
        (window(targetGroup="SO2A", component="LO4-LEZ"), "/windows/1/component"),
        (window(never=True, opensAt=FUTURE), "/windows/1/never"),
        (window(targetGroup="LO4", closesAt=FUTURE), "/windows/1/closesAt"),
        (window(targetGroup="LO4", opensAt=AUTUMN, closesAt=FUTURE), "/windows/1/closesAt"),
        (window(targetGroup="LO4", opensAt="2024-06-21T08:00:00Z"), "/windows/1/opensAt"),
        (window("ranking"), "/windows/1/product"),
        (window(targetGroup="LO4", opensAt="2024-06-21"), "/windows/1/opensAt"),
    ],
)
def test_an_invalid_window_is_refused(
    planner: httpx.Client, refused: dict[str, Any], name: str
) -> None:
    response = put(planner, window(opensAt=FUTURE), refused)
    assert response.status_code == 400, response.text
    assert [issue["name"] for issue in response.json()["issues"]] == [name]
    assert planner.get(PLAN).json()["windows"] == []


def test_windows_of_one_scope_do_not_overlap(planner: httpx.Client) -> None:
    response = put(planner, window(opensAt=FUTURE), window(opensAt=AUTUMN))
    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (
        409,
        "releaseWindowExists",
    )
    following = window(opensAt=FUTURE, closesAt=AUTUMN), window(opensAt=AUTUMN)
    assert put(planner, *following).status_code == 200
    later = [
        window(opensAt=AUTUMN, closesAt=AUTUMN + timedelta(days=1)),
        window(opensAt=AUTUMN + timedelta(days=1)),
    ]
    assert put(planner, *later).status_code == 200


def test_what_is_open_is_closed_by_its_end_or_by_never_only(
    planner: httpx.Client, sessions: Sessions
) -> None:
    opens_at = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
    with UnitOfWork(sessions) as unit:
        add_window(unit.session, ADMINISTRATION, opens_at=opens_at)
    present = window(opensAt=opens_at)
    narrower = window(targetGroup="LO4", opensAt=FUTURE)
    for windows in ((), (window(opensAt=FUTURE),), (present, narrower)):
        refused = put(planner, *windows)
        assert refused.json()["type"].endswith(":windowHasOpened"), refused.text
    assert put(planner, present, window(component="LO4-WIS", never=True)).status_code == 200
    wider = put(planner, present)
    assert wider.json()["type"].endswith(":opensWithoutApproval")
    closed = window(opensAt=opens_at, closesAt=opens_at + timedelta(days=1))
    kept = window(component="LO4-WIS", never=True)
    assert [one["state"] for one in put(planner, closed, kept).json()["windows"]] == [
        "closed",
        "never",
    ]


def test_never_closes_what_is_open_and_a_later_moment_needs_approvals(
    planner: httpx.Client, school: httpx.Client, sessions: Sessions
) -> None:
    opens_at = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
    with UnitOfWork(sessions) as unit:
        add_window(unit.session, ADMINISTRATION, opens_at=opens_at)
    documents = f"/v1/schools/{SCHOOL}/documents"
    assert school.get(documents).json()["total"] > 0
    assert put(planner, window(never=True)).status_code == 200
    assert school.get(documents).json()["total"] == 0
    again = put(planner, window(opensAt=opens_at))
    assert again.status_code == 400
    assert put(planner, window(opensAt=FUTURE)).status_code == 200
    assert [one["blockedBy"] for one in openings(planner)] == ["notVerified"]


def test_only_registered_persons_plan(operator: httpx.Client, school: httpx.Client) -> None:
    assert school.get(PLAN).status_code == 403
    assert operator.get(PLAN).status_code == 200
    refused = put(operator, window(opensAt=FUTURE))
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        403,
        "missingPermission",
    )


def test_a_school_reads_the_windows_and_the_change_is_in_its_audit_log(
    planner: httpx.Client, school: httpx.Client, audit_log: AuditLog
) -> None:
    put(planner, window(opensAt=FUTURE))
    (read,) = school.get(f"/v1/releaseWindows?administrationId={ADMINISTRATION}").json()["items"]
    assert (read["state"], read["opensAt"]) == ("planned", "2098-06-21T08:00:00+02:00")
    entries = [one for one in audit_log.entries() if one["action"] == "replaceReleasePlan"]
    assert [(one["resource"], one["organisation"]) for one in entries] == [
        (PLAN, number) for number in (None, SCHOOL, OTHER)
    ]
