"""A school reads its own audit log: the requests for its data."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.access.rules import Scope
from tests.api.conftest import Callers
from tests.api.seeding import OTHER, SCHOOL, Seeded

pytestmark = pytest.mark.usefixtures("open_now")

AUDIT_EVENTS = "/v1/auditEvents"


def content(seeded: Seeded, label: str) -> str:
    return f"/v1/documents/{seeded.documents[label]}/content"


def read(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    response = client.get(AUDIT_EVENTS, params=query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def test_events_of_a_fiche_have_its_callers_and_times(
    school: httpx.Client, other: httpx.Client, seeded: Seeded
) -> None:
    fetched = school.get(content(seeded, "fiche"))
    other.get(content(seeded, "fiche"))
    school.get(content(seeded, "reading only"))
    refused, allowed = read(school, documentId=str(seeded.documents["fiche"]))[:2]
    assert (refused["outcome"], refused["rule"]) == ("refused", "reach")
    assert refused["callerSchoolId"] == OTHER
    assert allowed["traceId"] == fetched.headers["BelGov-Trace-Id"]
    assert allowed["occurredAt"][-6:] in {"+01:00", "+02:00"}
    assert {
        name: allowed[name]
        for name in ("clientId", "callerKind", "callerSchoolId", "action", "resource", "outcome")
    } == {
        "clientId": "a school",
        "callerKind": "school",
        "callerSchoolId": SCHOOL,
        "action": "getDocumentContent",
        "resource": content(seeded, "fiche"),
        "outcome": "allowed",
    }
    assert refused["position"] > allowed["position"]


@pytest.mark.parametrize("label", ["bundle", "print"])
def test_events_of_a_fiche_include_downloads_of_documents_that_contain_it(
    school: httpx.Client, seeded: Seeded, label: str
) -> None:
    school.get(content(seeded, label))
    newest = read(school, documentId=str(seeded.documents["fiche"]))[0]
    assert newest["resource"] == content(seeded, label)
    assert read(school, documentId=str(uuid4())) == []


def test_events_of_a_student_include_every_read_of_their_data(
    school: httpx.Client, seeded: Seeded
) -> None:
    student = seeded.students["first"]
    paths = [f"/v1/students/{student}/results", content(seeded, "fiche")]
    paths += [content(seeded, "overview"), f"/v1/students/{seeded.students['third']}"]
    for path in paths:
        school.get(path)
    newest = read(school, studentId=str(student))[:3]
    assert [event["resource"] for event in newest] == paths[2::-1]


def test_events_can_be_filtered_by_time(school: httpx.Client, seeded: Seeded) -> None:
    for _ in range(2):
        school.get(content(seeded, "fiche"))
    newest = read(school)[0]
    since = read(school, **{"from": newest["occurredAt"]})
    assert [event["position"] for event in since] == [newest["position"]]
    before = read(school, until=newest["occurredAt"])
    assert before[0]["position"] == newest["position"] - 1


@pytest.mark.parametrize("name", ["from", "until"])
@pytest.mark.parametrize("moment", ["2024-06-21T08:00:00", "2024-06-21t08:00:00.123456"])
def test_unescaped_plus_is_explained(school: httpx.Client, name: str, moment: str) -> None:
    """In a query string, + is a space."""
    refused = school.get(f"{AUDIT_EVENTS}?{name}={moment}+02:00")
    assert refused.status_code == 400
    (issue,) = refused.json()["issues"]
    assert issue["name"] == name
    assert "%2B" in issue["detail"]
    assert school.get(f"{AUDIT_EVENTS}?{name}={moment}%2B02:00").status_code == 200
    assert school.get(f"{AUDIT_EVENTS}?{name}={moment}Z").status_code == 200


def test_a_school_reads_only_its_own_audit_log(
    school: httpx.Client, other: httpx.Client, seeded: Seeded
) -> None:
    school.get(content(seeded, "fiche"))
    assert read(other, documentId=str(seeded.documents["fiche"])) == []
    assert {event["resource"] for event in read(other)}.isdisjoint({content(seeded, "fiche")})


def test_other_callers_cannot_read_an_audit_log(
    callers: Callers, integrator: httpx.Client, operator: httpx.Client
) -> None:
    without_scope = callers.school(SCHOOL, Scope.DOCUMENTS_READ)
    for client in (integrator, operator, without_scope):
        assert client.get(AUDIT_EVENTS).status_code == 403
