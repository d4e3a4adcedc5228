"""Hand-overs of a school through the running API."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, select, text

from shared.access.rules import CallerKind, Scope
from shared.core.clock import in_brussels
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.models import HandOver
from tests.api.conftest import AuditLog, Callers
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded

HAND_OVERS, WITHDRAW = "/v1/handOvers", "/v1/handOvers/withdraw"
LIST, COUNTS = f"/v1/schools/{SCHOOL}/handOvers", f"/v1/schools/{SCHOOL}/handOverCounts"
CLASS_GROUP = {"administrationId": ADMINISTRATION, "classGroup": "4A", "means": "printed"}


@pytest.fixture(autouse=True)
def _no_hand_overs(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(HandOver))


def to_students(seeded: Seeded, *labels: str, **body: Any) -> dict[str, Any]:
    students = [str(seeded.students[label]) for label in labels]
    return {"administrationId": ADMINISTRATION, "studentIds": students, "means": "digital"} | body


def states(school: httpx.Client, **query: str) -> dict[str, str]:
    items = school.get(LIST, params=query).json()["items"]
    return {item["student"]["familyName"]: item["state"] for item in items}


def problem_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


@pytest.mark.usefixtures("open_now")
def test_a_school_sees_which_families_have_no_fiche(school: httpx.Client, seeded: Seeded) -> None:
    body = to_students(seeded, "second", handedOverOn="2024-06-21")
    recorded = school.post(HAND_OVERS, json=body)
    assert recorded.status_code == 201, recorded.text
    (hand_over,) = recorded.json()["handOverIds"]
    assert recorded.json() == {"handOverIds": [hand_over], "unchanged": 0}
    first, second = school.get(LIST).json()["items"]
    assert first == {
        "student": {
            "id": str(seeded.students["first"]),
            "href": str(school.base_url.join(f"/v1/students/{seeded.students['first']}")),
            "familyName": "Familie-first",
            "givenName": "Voornaam-first",
        },
        "administrationId": ADMINISTRATION,
        "classGroup": "4A",
        "fiche": str(school.base_url.join(f"/v1/documents/{seeded.documents['fiche']}")),
        "state": "open",
    }
    recorded_at = datetime.fromisoformat(second["handOver"].pop("recordedAt"))
    assert abs((datetime.now(UTC) - recorded_at).total_seconds()) < 60
    assert (second["state"], second["handOver"]) == (
        "done",
        {
            "id": hand_over,
            "studentId": str(seeded.students["second"]),
            "means": "digital",
            "handedOverOn": "2024-06-21",
        },
    )
    assert states(school, state="open") == {"Familie-first": "open"}
    assert states(school, state="done", classGroup="4A") == {"Familie-second": "done"}
    assert states(school, state="again") == states(school, classGroup="4B") == {}


@pytest.mark.usefixtures("open_now")
def test_class_groups_are_counted(school: httpx.Client, seeded: Seeded) -> None:
    school.post(HAND_OVERS, json=to_students(seeded, "first"))
    page = school.get(COUNTS, params={"administrationId": ADMINISTRATION}).json()
    counted = {"administrationId": ADMINISTRATION, "classGroup": "4A", "open": 1, "done": 1}
    assert (page["total"], page["items"]) == (1, [counted | {"again": 0}])


@pytest.mark.usefixtures("open_now")
def test_a_corrected_fiche_is_to_be_handed_over_again(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    school.post(HAND_OVERS, json=CLASS_GROUP)
    change = text("update documents set content_sha256 = :content where id = :id")
    fiche = {"id": seeded.documents["fiche"]}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(change, fiche | {"content": b"\3" * 32})
    assert states(school) == {"Familie-first": "again", "Familie-second": "done"}
    assert len(school.post(HAND_OVERS, json=CLASS_GROUP).json()["handOverIds"]) == 1
    assert set(states(school).values()) == {"done"}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(change, fiche | {"content": b"\2" * 32})


@pytest.mark.usefixtures("open_now")
def test_withdrawn_hand_overs_are_in_the_history(school: httpx.Client, seeded: Seeded) -> None:
    recorded = school.post(HAND_OVERS, json=CLASS_GROUP).json()
    for _ in range(2):
        withdrawn = school.post(WITHDRAW, json={"handOverIds": recorded["handOverIds"]})
        assert (withdrawn.status_code, withdrawn.content) == (204, b"")
    assert set(states(school).values()) == {"open"}
    school.post(HAND_OVERS, json=to_students(seeded, "first"))
    history = school.get(f"/v1/students/{seeded.students['first']}/handOvers").json()
    assert [(item["means"], "withdrawnAt" in item) for item in history["items"]] == [
        ("digital", False),
        ("printed", True),
    ]
    today = in_brussels(datetime.now(UTC)).date().isoformat()
    assert {item["handedOverOn"] for item in history["items"]} == {today}


@pytest.mark.usefixtures("open_now")
def test_a_repeated_request_gets_the_stored_response_without_names(
    school: httpx.Client, seeded: Seeded
) -> None:
    headers = {"Idempotency-Key": '"hand-overs"'}
    first, again = (school.post(HAND_OVERS, json=CLASS_GROUP, headers=headers) for _ in range(2))
    assert again.content == first.content
    assert len(first.json()["handOverIds"]) == 2
    reused = school.post(HAND_OVERS, json=to_students(seeded, "first"), headers=headers)
    assert problem_of(reused) == (422, "idempotencyKeyReused")
    assert "Familie" not in first.text


@pytest.mark.usefixtures("open_now")
def test_requests_at_the_same_time_hand_over_each_fiche_once(
    callers: Callers, seeded: Seeded, sessions: Sessions
) -> None:
    token = callers.token(CallerKind.SCHOOL, SCHOOL)
    bodies = [CLASS_GROUP, to_students(seeded, "second", "first")] * 4
    with ThreadPoolExecutor(len(bodies)) as pool:
        clients = [callers.client(token) for _ in bodies]
        answers = list(
            pool.map(lambda client, body: client.post(HAND_OVERS, json=body), clients, bodies)
        )
    assert {answer.status_code for answer in answers} == {201}
    assert sum(len(answer.json()["handOverIds"]) for answer in answers) == 2
    with UnitOfWork(sessions) as unit:
        students = unit.session.scalars(select(HandOver.student_id)).all()
    assert sorted(students) == sorted(seeded.students[label] for label in ("first", "second"))


def unreadable(seeded: Seeded) -> list[dict[str, Any]]:
    """Return requests with a student, class group or administration without a readable fiche."""
    unknown = to_students(seeded, "first")
    unknown["studentIds"].append("0195d2a4-7c1e-4b5a-9f00-abcdefabcdef")
    named = [to_students(seeded, label) for label in ("third", "removed", "other", "gone")]
    groups = [CLASS_GROUP | {"classGroup": name} for name in ("4B", "4Z", "2A")]
    elsewhere = [body | {"administrationId": "2025"} for body in (CLASS_GROUP, named[0])]
    return [*named, *groups, *elsewhere, unknown, to_students(seeded, "first", "other")]


@pytest.mark.usefixtures("open_now")
def test_everything_that_cannot_be_read_is_the_same_to_hand_over(
    school: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    problems = set()
    for body in unreadable(seeded):
        response = school.post(HAND_OVERS, json=body)
        assert response.status_code == 404, body
        trace_id = response.headers["BelGov-Trace-Id"]
        problems.add(response.content.replace(trace_id.encode(), b""))
    assert len(problems) == 1
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalars(select(HandOver.id)).all() == []


def test_before_the_release_nothing_can_be_handed_over_or_seen(
    school: httpx.Client, seeded: Seeded
) -> None:
    for body in (CLASS_GROUP, to_students(seeded, "first")):
        assert problem_of(school.post(HAND_OVERS, json=body)) == (404, "resourceNotFound")
    history = f"/v1/students/{seeded.students['first']}/handOvers"
    for path in (LIST, COUNTS, history):
        assert school.get(path).json()["total"] == 0


@pytest.mark.usefixtures("open_now")
def test_a_hand_over_of_another_school_does_not_exist(
    school: httpx.Client, other: httpx.Client
) -> None:
    ids = school.post(HAND_OVERS, json=CLASS_GROUP).json()["handOverIds"]
    for body in ({"handOverIds": ids}, {"handOverIds": ["0195d2a4-7c1e-4b5a-9f00-abcdefabcdef"]}):
        assert problem_of(other.post(WITHDRAW, json=body)) == (404, "resourceNotFound")
    assert set(states(school).values()) == {"done"}
    assert other.get(LIST).status_code == 404


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"means": "by post"}, "/means"),
        ({"studentIds": []}, "/studentIds"),
        ({"studentIds": ["0195D2A4-7C1E-4B5A-9F00-ABCDEFABCDEF"]}, "/studentIds/0"),
        ({"studentIds": ["0195d2a4-7c1e-4b5a-9f00-abcdefabcdef"]}, "/classGroup"),
        ({"handedOverOn": "2024-04-21"}, "/handedOverOn"),
        ({"handedOverOn": "2099-01-01"}, "/handedOverOn"),
        ({"level": "C"}, "/level"),
    ],
)
def test_input_that_cannot_be_used_is_named(
    school: httpx.Client, change: dict[str, Any], name: str
) -> None:
    response = school.post(HAND_OVERS, json=CLASS_GROUP | change)
    assert response.status_code == 400, response.text
    assert [issue["name"] for issue in response.json()["issues"]] == [name]


@pytest.mark.usefixtures("open_now")
def test_scopes_are_for_reading_and_for_writing(callers: Callers, seeded: Seeded) -> None:
    reader = callers.school(SCHOOL, Scope.HAND_OVERS_READ)
    writer = callers.school(SCHOOL, Scope.HAND_OVERS_WRITE)
    refused = reader.post(HAND_OVERS, json=CLASS_GROUP)
    assert refused.json()["requiredScopes"] == ["handOvers:write"]
    assert writer.post(HAND_OVERS, json=CLASS_GROUP).status_code == 201
    assert writer.get(LIST).json()["requiredScopes"] == ["handOvers:read"]
    listed = reader.get(LIST).json()["items"]
    assert [item["state"] for item in listed] == ["done", "done"]
    assert reader.get(f"/v1/documents/{seeded.documents['fiche']}/content").status_code == 403


@pytest.mark.usefixtures("open_now")
def test_hand_overs_are_in_the_audit_log_with_their_students(
    school: httpx.Client, seeded: Seeded, audit_log: AuditLog
) -> None:
    ids = school.post(HAND_OVERS, json=CLASS_GROUP).json()["handOverIds"]
    school.get(LIST)
    school.get(COUNTS)
    school.post(WITHDRAW, json={"handOverIds": ids[:1]})
    school.post(HAND_OVERS, json=to_students(seeded, "third"))
    assert audit_log.decisions() == [
        ("recordHandOvers", SCHOOL, "allowed", "granted"),
        ("listSchoolHandOvers", SCHOOL, "allowed", "granted"),
        ("listSchoolHandOverCounts", SCHOOL, "allowed", "granted"),
        ("withdrawHandOvers", SCHOOL, "allowed", "granted"),
        ("recordHandOvers", SCHOOL, "refused", "gate"),
    ]
    for label in ("first", "second"):
        events = events_about(school, seeded.students[label])
        assert {"recordHandOvers", "listSchoolHandOvers"} <= set(events)
    assert events_about(school, seeded.students["third"])[0] == "recordHandOvers"


def events_about(client: httpx.Client, student_id: UUID) -> list[str]:
    """Return the actions of the events about a student in the school's own audit log."""
    events = client.get("/v1/auditEvents", params={"studentId": str(student_id)}).json()["items"]
    return [event["action"] for event in events]


@pytest.mark.usefixtures("open_now")
def test_a_refusal_about_a_student_of_another_school_is_in_the_log_of_that_school(
    other: httpx.Client, seeded: Seeded, audit_log: AuditLog
) -> None:
    """Its own log would tell a school which ids exist."""
    own = seeded.students["other"]
    before = events_about(other, own)
    foreign = [seeded.students["first"], UUID("0195d2a4-7c1e-4b5a-9f00-abcdefabcdef")]
    for student in foreign:
        body = to_students(seeded, "other")
        body["studentIds"].append(str(student))
        assert other.post(HAND_OVERS, json=body).status_code == 404
    other.post(WITHDRAW, json={"handOverIds": [str(foreign[1])]})
    assert [events_about(other, student) for student in (*foreign, own)] == [[], [], before]
    refused = [one for one in audit_log.decisions() if one[2] == "refused"]
    assert sorted(refused, key=str) == [
        ("recordHandOvers", SCHOOL, "refused", "reach"),
        ("recordHandOvers", None, "refused", "reach"),
        ("withdrawHandOvers", OTHER, "refused", "reach"),
    ]
