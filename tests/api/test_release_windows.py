from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import AuditLog
from tests.api.seeding import ADMINISTRATION

WINDOWS = "/v1/releaseWindows"
MORNING = "2024-06-21T08:00:00+02:00"
EVENING = "2024-06-21T20:00:00+02:00"

pytestmark = pytest.mark.usefixtures("no_windows")


def plan(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post(WINDOWS, json={"administrationId": ADMINISTRATION} | body)


def test_a_window_has_its_times_in_the_offset_of_brussels(operator: httpx.Client) -> None:
    created = plan(operator, plannedFrom="2024-06-21T00:00:00Z", opensAt="2024-06-21T06:00:00Z")
    assert created.status_code == 201
    body = created.json()
    assert created.headers["Location"] == body["href"]
    assert body.pop("updatedAt")
    assert body == {
        "href": body["href"],
        "id": body["id"],
        "administrationId": ADMINISTRATION,
        "product": "studentFeedback",
        "plannedFrom": "2024-06-21T02:00:00+02:00",
        "opensAt": MORNING,
        "never": False,
        "state": "open",
    }


def test_a_window_of_a_component_belongs_to_its_target_group(operator: httpx.Client) -> None:
    body = plan(operator, component="LO4-LEZ", never=True).json()
    assert (body["component"], body["targetGroup"], body["state"]) == ("LO4-LEZ", "LO4", "never")


def test_a_removed_window_leaves_the_decision_to_a_wider_one(operator: httpx.Client) -> None:
    assert plan(operator, opensAt=MORNING).json()["state"] == "open"
    href = plan(operator, component="LO4-LEZ", never=True).json()["href"]
    assert operator.delete(href).status_code == 204
    assert operator.get(href).status_code == 404
    assert operator.delete(href).status_code == 404
    assert operator.get(WINDOWS).json()["total"] == 1


def test_a_school_reads_release_windows(operator: httpx.Client, school: httpx.Client) -> None:
    plan(operator, targetGroup="LO4", opensAt="2099-01-01T00:00:00+01:00")
    plan(operator)
    items = school.get(f"{WINDOWS}?administrationId={ADMINISTRATION}").json()["items"]
    assert [(item.get("targetGroup"), item["state"]) for item in items] == [
        (None, "closed"),
        ("LO4", "planned"),
    ]
    assert school.get(items[0]["href"]).json() == items[0]
    assert school.get(f"{WINDOWS}?administrationId=2025").json()["total"] == 0


def test_a_school_cannot_create_or_change_a_window(
    operator: httpx.Client, school: httpx.Client
) -> None:
    href = plan(operator).json()["href"]
    assert plan(school).status_code == 403
    assert school.patch(href, json={"opensAt": MORNING}).status_code == 403
    assert school.delete(href).status_code == 403


def test_a_change_keeps_properties_that_it_does_not_name(operator: httpx.Client) -> None:
    href = plan(operator, opensAt=MORNING, plannedFrom=MORNING).json()["href"]
    closed = operator.patch(href, json={"closesAt": EVENING}).json()
    assert (closed["opensAt"], closed["closesAt"], closed["state"]) == (MORNING, EVENING, "closed")
    opened = operator.patch(href, json={"closesAt": None})
    assert "closesAt" not in opened.json()
    assert opened.json()["state"] == "open"
    merge = {"Content-Type": "application/merge-patch+json"}
    withdrawn = operator.patch(href, content=b'{"opensAt": null, "never": true}', headers=merge)
    assert withdrawn.json()["state"] == "never"
    assert withdrawn.json()["plannedFrom"] == MORNING


def test_a_second_window_with_the_same_scope_is_a_conflict(operator: httpx.Client) -> None:
    for scope in ({}, {"targetGroup": "LO4"}, {"component": "LO4-WIS"}):
        assert plan(operator, **scope).status_code == 201
        again = plan(operator, **scope, never=True)
        assert again.status_code == 409
        assert again.json()["type"].endswith(":releaseWindowExists")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"administrationId": "2025"}, "/administrationId"),
        ({"targetGroup": "SO9"}, "/targetGroup"),
        ({"component": "SO9-LEZ"}, "/component"),
        ({"targetGroup": "SO2A", "component": "LO4-LEZ"}, "/component"),
        ({"product": "schoolFeedback"}, "/product"),
        ({"never": True, "opensAt": MORNING}, "/never"),
        ({"closesAt": EVENING}, "/closesAt"),
        ({"opensAt": EVENING, "closesAt": MORNING}, "/closesAt"),
        ({"opensAt": MORNING, "closesAt": MORNING}, "/closesAt"),
        ({"opensAt": "2024-06-21T08:00:00"}, "/opensAt"),
        ({"opensAt": "2024-06-21"}, "/opensAt"),
        ({"opensAt": "2024-06-31T08:00:00Z"}, "/opensAt"),
        ({"opensAt": "9999-12-31T23:59:59Z"}, "/opensAt"),
        ({"opensAt": 1718949600}, "/opensAt"),
        ({"never": "yes"}, "/never"),
    ],
)
def test_an_invalid_window_is_rejected(
    operator: httpx.Client, body: dict[str, Any], name: str
) -> None:
    response = plan(operator, **body)
    assert response.status_code == 400
    assert [issue["name"] for issue in response.json()["issues"]] == [name]
    assert operator.get(WINDOWS).json()["total"] == 0


def test_a_change_that_makes_a_window_invalid_is_rejected(operator: httpx.Client) -> None:
    href = plan(operator, opensAt=MORNING, closesAt=EVENING).json()["href"]
    for change in ({"never": True}, {"opensAt": None}, {"closesAt": MORNING}, {"never": None}):
        assert operator.patch(href, json=change).status_code == 400
    assert operator.get(href).json()["state"] == "closed"


def test_changing_an_unknown_window_is_not_found(operator: httpx.Client) -> None:
    response = operator.patch(f"{WINDOWS}/{uuid4()}", json={"never": True})
    assert response.status_code == 404


def test_changes_of_windows_are_recorded_in_the_audit_log(
    operator: httpx.Client, audit_log: AuditLog
) -> None:
    href = plan(operator).json()["href"]
    operator.patch(href, json={"opensAt": MORNING})
    assert [(entry["action"], entry["resource"]) for entry in audit_log.entries()] == [
        ("createReleaseWindow", httpx.URL(href).path),
        ("changeReleaseWindow", httpx.URL(href).path),
    ]
