"""Registrations for test viewing through the API: book, move, wait, accept and cancel."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, update

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.students.models import Student
from shared.viewings.waiting_list import settle_next
from tests.api.conftest import AuditLog
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded, released
from tests.api.statements import record_statements
from tests.viewings.seeding import IN_TEN_DAYS, Viewing, seed_viewing, viewing_opened

REGISTRATIONS = "/v1/viewings/registrations"


@pytest.fixture(scope="module")
def viewing_rows(sessions: Sessions, seeded: Seeded) -> Viewing:
    return seed_viewing(sessions, seeded)


@pytest.fixture
def viewing(sessions: Sessions, viewing_rows: Viewing) -> Iterator[Viewing]:
    with viewing_opened(sessions):
        yield viewing_rows
    viewing_rows.clear()


def settle_all(sessions: Sessions) -> None:
    """Do what the sweeper of a worker does until nothing is left."""
    is_left = True
    while is_left:
        with UnitOfWork(sessions) as unit:
            is_left = settle_next(unit)


@contextmanager
def enrolment_ended(sessions: Sessions, student: UUID) -> Iterator[None]:
    for removed_at in (func.now(), None):
        with UnitOfWork(sessions) as unit:
            changed = update(Student).where(Student.id == student)
            unit.session.execute(changed.values(removed_at=removed_at))
        if removed_at is not None:
            yield


def register(
    school: httpx.Client, viewing: Viewing, label: str, slot: UUID, **body: Any
) -> httpx.Response:
    of = {"studentId": str(viewing.seeded.students[label]), "slotId": str(slot)}
    return school.post(REGISTRATIONS, json=of | body)


def problem(response: httpx.Response) -> str:
    assert response.status_code == 409, response.text
    return str(response.json()["type"]).rpartition(":")[2]


def test_a_school_registers_a_student(
    school: httpx.Client, viewing: Viewing, audit_log: AuditLog
) -> None:
    slot = viewing.slot(2)
    response = register(school, viewing, "first", slot, companions=1)
    assert response.status_code == 201, response.text
    made = response.json()
    assert (made["state"], made["companions"]) == ("confirmed", 1)
    assert made["student"]["familyName"] == "Familie-first"
    assert "code" not in response.text.lower()
    assert school.get(response.headers["Location"]).json() == made
    assert [one["id"] for one in school.get(REGISTRATIONS).json()["items"]] == [made["id"]]
    assert school.get(made["slot"]).json()["placesLeft"] == 1
    assert viewing.counts(slot) == (1, 1)
    assert ("createViewingRegistration", SCHOOL, "allowed", "granted") in audit_log.decisions()


def test_a_student_has_one_live_registration(school: httpx.Client, viewing: Viewing) -> None:
    first, second = viewing.slot(), viewing.slot()
    made = register(school, viewing, "first", first).json()
    assert problem(register(school, viewing, "first", second)) == "alreadyRegistered"
    assert school.post(f"{REGISTRATIONS}/{made['id']}/cancel").json()["state"] == "cancelled"
    assert school.post(f"{REGISTRATIONS}/{made['id']}/cancel").json()["state"] == "cancelled"
    assert register(school, viewing, "first", second).status_code == 201
    assert (viewing.counts(first), viewing.counts(second)) == ((0, 0), (1, 1))


def test_a_repeated_request_registers_once(school: httpx.Client, viewing: Viewing) -> None:
    slot = viewing.slot()
    of = {"studentId": str(viewing.seeded.students["first"]), "slotId": str(slot)}
    key = {"Idempotency-Key": str(uuid4())}
    made = [school.post(REGISTRATIONS, json=of, headers=key) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].content == made[1].content
    assert viewing.counts(slot) == (1, 1)


def test_a_registration_is_gone_with_the_enrolment(
    school: httpx.Client, viewing: Viewing, sessions: Sessions
) -> None:
    slot = viewing.slot()
    student = viewing.seeded.students["first"]
    key = {"Idempotency-Key": str(uuid4())}
    of = {"studentId": str(student), "slotId": str(slot)}
    made = school.post(REGISTRATIONS, json=of, headers=key)
    url = f"{REGISTRATIONS}/{made.json()['id']}"
    assert school.post(REGISTRATIONS, json=of, headers=key).content == made.content
    events = school.get("/v1/auditEvents", params={"studentId": str(student)}).json()["items"]
    assert [one["action"] for one in events[:2]] == ["createViewingRegistration"] * 2
    with enrolment_ended(sessions, student):
        assert school.get(REGISTRATIONS).json()["items"] == []
        for path in (url, f"{url}/confirmation", f"{url}/calendar"):
            assert school.get(path).status_code == 404
        assert school.post(REGISTRATIONS, json=of, headers=key).status_code == 404
        settle_all(sessions)
        assert viewing.counts(slot) == (0, 0)


def test_a_full_slot_refuses_and_offers_its_waiting_list(
    school: httpx.Client, viewing: Viewing, sessions: Sessions
) -> None:
    slot = viewing.slot(1)
    taken = register(school, viewing, "first", slot).json()
    assert problem(register(school, viewing, "second", slot)) == "slotFull"
    waiting = register(school, viewing, "second", slot, waitIfFull=True).json()
    assert waiting["state"] == "waiting"
    url = f"{REGISTRATIONS}/{waiting['id']}"
    assert problem(school.post(f"{url}/accept")) == "offerExpired"
    school.post(f"{REGISTRATIONS}/{taken['id']}/cancel")
    assert problem(register(school, viewing, "first", slot)) == "slotFull"  # it is for the list
    settle_all(sessions)
    offered = school.get(url).json()
    assert offered["state"] == "offered"
    expires_at = datetime.fromisoformat(offered["offerExpiresAt"])
    assert timedelta(hours=23) < expires_at - datetime.now(UTC) < timedelta(hours=25)
    assert viewing.counts(slot) == (1, 1)
    assert school.post(f"{url}/accept").json()["state"] == "confirmed"
    assert school.post(f"{url}/accept").json()["state"] == "confirmed"


def test_a_refusal_takes_fewer_statements_than_a_registration(
    school: httpx.Client, viewing: Viewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a refusal rolled back: the use of its proof would be recorded once more."""
    slot = viewing.slot(1)
    school.get(REGISTRATIONS)  # learns the nonce, so that no request is sent twice
    statements = record_statements(monkeypatch)
    assert register(school, viewing, "first", slot).status_code == 201
    of_registration = len(statements)
    assert problem(register(school, viewing, "second", slot)) == "slotFull"
    assert (of_registration, len(statements) - of_registration) == (4, 2)


def test_an_expired_offer_goes_to_the_next_in_the_list(
    school: httpx.Client, viewing: Viewing, sessions: Sessions
) -> None:
    slot = viewing.slot(0)
    first = register(school, viewing, "first", slot, waitIfFull=True).json()
    second = register(school, viewing, "second", slot, waitIfFull=True).json()
    with UnitOfWork(sessions) as unit:
        unit.session.connection().exec_driver_sql(
            "update viewing_slots set capacity = 1 where id = %s", (slot,)
        )
    settle_all(sessions)
    states = [school.get(f"{REGISTRATIONS}/{one['id']}").json()["state"] for one in (first, second)]
    assert states == ["offered", "waiting"]
    viewing.change(first["id"], offer_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert problem(school.post(f"{REGISTRATIONS}/{first['id']}/accept")) == "offerExpired"
    settle_all(sessions)
    states = [school.get(f"{REGISTRATIONS}/{one['id']}").json()["state"] for one in (first, second)]
    assert states == ["expired", "offered"]
    assert viewing.counts(slot) == (1, 1)


def test_a_move_takes_the_new_place_first(school: httpx.Client, viewing: Viewing) -> None:
    full, old, new = viewing.slot(1), viewing.slot(1), viewing.slot(1)
    register(school, viewing, "second", full)
    made = register(school, viewing, "first", old).json()
    url = f"{REGISTRATIONS}/{made['id']}/move"
    assert problem(school.post(url, json={"slotId": str(full)})) == "slotFull"
    assert viewing.counts(old) == (1, 1)
    for _ in range(2):
        moved = school.post(url, json={"slotId": str(new)})
        assert moved.status_code == 200, moved.text
    assert (viewing.counts(old), viewing.counts(new)) == ((0, 0), (1, 1))


def test_a_school_has_a_quota_per_day(school: httpx.Client, viewing: Viewing) -> None:
    viewing.configure(school_quota=1)
    first, second = viewing.slot(), viewing.slot()
    later = viewing.slot(starts_at=IN_TEN_DAYS + timedelta(days=1, seconds=len(str(first))))
    made = register(school, viewing, "first", first).json()
    assert problem(register(school, viewing, "second", second)) == "quotaReached"
    url = f"{REGISTRATIONS}/{made['id']}/move"
    assert school.post(url, json={"slotId": str(second)}).status_code == 200
    assert register(school, viewing, "second", later).status_code == 201
    assert problem(school.post(url, json={"slotId": str(later)})) == "quotaReached"
    viewing.configure(school_quota=None)
    assert school.post(url, json={"slotId": str(later)}).status_code == 200
    assert viewing.counts(later) == (2, 2)


@pytest.mark.parametrize(
    ("days", "expected"), [(0, "registrationClosed"), (2, "registrationClosed")]
)
def test_registration_ends_some_days_before(
    school: httpx.Client, viewing: Viewing, days: int, expected: str
) -> None:
    soon = datetime.now(UTC) + timedelta(days=days, minutes=5)
    slot = viewing.slot(starts_at=soon.replace(hour=12, minute=0))
    assert problem(register(school, viewing, "first", slot)) == expected


def test_input_that_cannot_be_is_refused(school: httpx.Client, viewing: Viewing) -> None:
    slot = viewing.slot()
    for body in ({"companions": 2}, {"slotId": str(uuid4())}, {"companions": -1}, {"x": 1}):
        refused = register(school, viewing, "first", slot, **body)
        assert refused.status_code == 400, refused.text
    assert viewing.counts(slot) == (0, 0)


def test_other_schools_and_unreleased_results_are_not_found(
    school: httpx.Client,
    other: httpx.Client,
    viewing: Viewing,
    sessions: Sessions,
    audit_log: AuditLog,
) -> None:
    slot = viewing.slot()
    made = register(school, viewing, "first", slot).json()
    url = f"{REGISTRATIONS}/{made['id']}"
    responses = [
        other.get(url),
        other.post(f"{url}/cancel"),
        other.post(f"{url}/accept"),
        other.post(f"{url}/move", json={"slotId": str(slot)}),
        register(other, viewing, "second", slot),
        register(school, viewing, "third", slot),  # without results
        register(school, viewing, "removed", slot),
    ]
    assert {one.status_code for one in responses} == {404}
    assert other.get(REGISTRATIONS).json()["items"] == []
    with released(sessions, timedelta(hours=1)):
        assert register(school, viewing, "second", slot).status_code == 404
    assert ("createViewingRegistration", SCHOOL, "refused", "gate") in audit_log.decisions()
    assert viewing.counts(slot) == (1, 1)


def test_slots_are_listed_without_names(school: httpx.Client, viewing: Viewing) -> None:
    slot = viewing.slot(1)
    register(school, viewing, "first", slot)
    listed = school.get("/v1/viewings/slots", params={"administrationId": ADMINISTRATION})
    assert "Familie" not in listed.text
    assert 0 in [one["placesLeft"] for one in listed.json()["items"]]
