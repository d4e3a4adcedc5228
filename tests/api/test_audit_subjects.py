"""Audit events have the students that an answer was about, at the moment of answering."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text

from shared.access.rules import Scope
from shared.audit.models import AuditEvent
from shared.audit.service import heads, verify
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import Callers
from tests.api.seeding import SCHOOL, Seeded

pytestmark = pytest.mark.usefixtures("open_now")


def events_of(client: httpx.Client, **query: object) -> list[dict[str, Any]]:
    parameters = {name: str(value) for name, value in query.items()}
    items: list[dict[str, Any]] = client.get("/v1/auditEvents", params=parameters).json()["items"]
    return items


def students_of_last_event(sessions: Sessions) -> list[UUID]:
    with UnitOfWork(sessions) as unit:
        last = select(AuditEvent.students).order_by(AuditEvent.id.desc()).limit(1)
        return unit.session.scalars(last).one() or []


@pytest.mark.parametrize("path", ["results", "students", "documents?kind=fiche"])
def test_a_list_is_found_under_each_of_its_students(
    school: httpx.Client, seeded: Seeded, path: str
) -> None:
    trace_id = school.get(f"/v1/schools/{SCHOOL}/{path}").headers["BelGov-Trace-Id"]
    for label in ("first", "second"):
        newest = events_of(school, studentId=seeded.students[label])[0]
        assert newest["traceId"] == trace_id
        assert newest["studentCount"] >= 2


def test_a_list_is_not_found_under_students_of_other_pages(
    school: httpx.Client, seeded: Seeded
) -> None:
    path = f"/v1/schools/{SCHOOL}/students?pageSize=1"
    trace_id = school.get(path).headers["BelGov-Trace-Id"]
    assert events_of(school, studentId=seeded.students["first"])[0]["traceId"] == trace_id
    others = events_of(school, studentId=seeded.students["third"])
    assert trace_id not in {event["traceId"] for event in others}


@pytest.mark.parametrize(
    ("label", "students"),
    [
        ("fiche", {"first"}),
        ("bundle", {"first", "second"}),
        ("print", {"first", "second"}),
        ("school bundle", {"first", "second", "third"}),
        ("overview", {"first", "second", "third"}),
    ],
)
def test_a_document_is_about_the_students_in_it(
    school: httpx.Client, seeded: Seeded, sessions: Sessions, label: str, students: set[str]
) -> None:
    school.get(f"/v1/documents/{seeded.documents[label]}/content")
    expected = {seeded.students[student] for student in students}
    assert set(students_of_last_event(sessions)) == expected


@pytest.fixture
def moved(seeded: Seeded, sessions: Sessions) -> Iterator[Any]:
    """Move the first student to the other class group; undo it afterwards."""

    def move(class_group: str) -> None:
        values = {"group": seeded.class_groups[class_group], "id": seeded.students["first"]}
        with UnitOfWork(sessions) as unit:
            for table, key in (("students", "id"), ("documents", "student_id")):
                change = f"update {table} set class_group_id = :group where {key} = :id"
                unit.session.execute(text(change), values)

    yield move
    move("4A")


def test_events_stay_with_a_student_who_changes_class(
    school: httpx.Client, seeded: Seeded, moved: Any
) -> None:
    fetched = school.get(f"/v1/documents/{seeded.documents['bundle']}/content")
    trace_id = fetched.headers["BelGov-Trace-Id"]
    moved("4B")
    for query in (
        {"studentId": seeded.students["first"]},
        {"documentId": seeded.documents["fiche"]},
    ):
        assert trace_id in {event["traceId"] for event in events_of(school, **query)}
    later = school.get(f"/v1/documents/{seeded.documents['bundle']}/content")
    found = {event["traceId"] for event in events_of(school, studentId=seeded.students["first"])}
    assert later.headers["BelGov-Trace-Id"] not in found


def test_a_range_outside_the_document_is_recorded(school: httpx.Client, seeded: Seeded) -> None:
    path = f"/v1/documents/{seeded.documents['fiche']}/content"
    response = school.get(path, headers={"Range": "bytes=9999999-"})
    assert response.status_code == 416
    assert response.headers["Content-Type"].startswith("application/problem+json")
    newest = events_of(school, studentId=seeded.students["first"])[0]
    assert newest["traceId"] == response.headers["BelGov-Trace-Id"]
    assert (newest["action"], newest["outcome"]) == ("getDocumentContent", "allowed")


def test_refused_reads_of_operators_are_recorded_with_the_school_and_the_student(
    school: httpx.Client, operator: httpx.Client, seeded: Seeded
) -> None:
    student = seeded.students["first"]
    for path in (
        f"/v1/students/{student}",
        f"/v1/students/{student}/results",
        f"/v1/documents/{seeded.documents['fiche']}/content",
        f"/v1/documents/{seeded.documents['overview']}",
    ):
        response = operator.get(path)
        assert response.status_code == 403
        newest = events_of(school, studentId=student)[0]
        assert newest["traceId"] == response.headers["BelGov-Trace-Id"]
        assert (newest["callerKind"], newest["outcome"], newest["rule"]) == (
            "operator",
            "refused",
            "scope",
        )


def test_refused_reads_of_other_schools_have_the_student(
    school: httpx.Client, other: httpx.Client, seeded: Seeded
) -> None:
    for path in (
        f"/v1/students/{seeded.students['third']}",
        f"/v1/documents/{seeded.documents['overview']}/content",
    ):
        trace_id = other.get(path).headers["BelGov-Trace-Id"]
        assert events_of(school, studentId=seeded.students["third"])[0]["traceId"] == trace_id


def test_unknown_schools_and_students_make_no_chain(
    callers: Callers, operator: httpx.Client, sessions: Sessions
) -> None:
    reader = callers.school(SCHOOL, Scope.AUDIT_READ)
    for client in (operator, reader, callers.school()):
        assert client.get("/v1/schools/999999/results").status_code in {403, 404}
        assert client.get(f"/v1/students/{uuid4()}").status_code in {403, 404}
    with UnitOfWork(sessions) as unit:
        assert "999999" not in heads(unit.session)
        assert list(verify(unit.session, {})) == []
