"""A school reads on its own trail who asked for its data, and when."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.access.rules import Scope
from tests.api.conftest import Callers
from tests.api.seeding import OTHER, SCHOOL, Seeded

pytestmark = pytest.mark.usefixtures("open_now")

TRAIL = "/v1/auditEvents"


def content(seeded: Seeded, word: str) -> str:
    return f"/v1/documents/{seeded.documents[word]}/content"


def read(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    answer = client.get(TRAIL, params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_it_tells_who_fetched_a_fiche_and_when(
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
    assert refused["position"] == allowed["position"] + 1


@pytest.mark.parametrize("word", ["bundle", "print"])
def test_a_fiche_is_fetched_with_what_it_is_in_too(
    school: httpx.Client, seeded: Seeded, word: str
) -> None:
    school.get(content(seeded, word))
    newest = read(school, documentId=str(seeded.documents["fiche"]))[0]
    assert newest["resource"] == content(seeded, word)
    assert read(school, documentId=str(uuid4())) == []


def test_it_tells_who_read_about_a_student(school: httpx.Client, seeded: Seeded) -> None:
    student = seeded.students["first"]
    asked = [f"/v1/students/{student}/results", content(seeded, "fiche")]
    asked += [content(seeded, "overview"), f"/v1/students/{seeded.students['third']}"]
    for path in asked:
        school.get(path)
    newest = read(school, studentId=str(student))[:3]
    assert [event["resource"] for event in newest] == asked[2::-1]


def test_it_can_be_cut_by_time(school: httpx.Client, seeded: Seeded) -> None:
    for _ in range(2):
        school.get(content(seeded, "fiche"))
    newest = read(school)[0]
    since = read(school, **{"from": newest["occurredAt"]})
    assert [event["position"] for event in since] == [newest["position"]]
    before = read(school, until=newest["occurredAt"])
    assert before[0]["position"] == newest["position"] - 1


def test_a_school_reads_no_trail_but_its_own(
    school: httpx.Client, other: httpx.Client, seeded: Seeded
) -> None:
    school.get(content(seeded, "fiche"))
    assert read(other, documentId=str(seeded.documents["fiche"])) == []
    assert {event["resource"] for event in read(other)}.isdisjoint({content(seeded, "fiche")})


def test_nobody_else_reads_a_trail(
    callers: Callers, integrator: httpx.Client, operator: httpx.Client
) -> None:
    reader_of_more = callers.school(SCHOOL, Scope.DOCUMENTS_READ)
    for client in (integrator, operator, reader_of_more):
        assert client.get(TRAIL).status_code == 403
