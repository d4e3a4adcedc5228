"""The desk of test viewing: codes, identity, right or wrong per item, and nothing else."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text, update

from clients.python.token_auth import TokenAuth
from shared.access.products import Product
from shared.access.rules import Caller, CallerKind, Scope
from shared.core.clock import BRUSSELS
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.results.models import ItemResult
from shared.viewings.codes import ViewingKey
from shared.viewings.models import ViewingDuty
from tests.api.conftest import AuditLog, Callers
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.releasing import add_recall
from tests.viewings.seeding import ITEMS, Viewing, seed_viewing, viewing_opened

DESK = "/v1/viewings/desk"
TODAY = datetime.now(BRUSSELS).date()
ANSWERS = int(os.environ.get("VIEWING_ANSWERS", "40"))
"""Examples of right and wrong answers; there are 128."""


@pytest.fixture(scope="module")
def viewing_rows(sessions: Sessions, seeded: Seeded) -> Viewing:
    return seed_viewing(sessions, seeded)


@pytest.fixture
def viewing(sessions: Sessions, viewing_rows: Viewing) -> Iterator[Viewing]:
    with viewing_opened(sessions):
        yield viewing_rows
    viewing_rows.clear()


@pytest.fixture(scope="module")
def key(settings: Settings) -> ViewingKey:
    return ViewingKey.read(settings.require_file("viewing_key_file"))


class Desk:
    """A viewing officer at a desk, and a registration for a slot that runs now."""

    def __init__(self, viewing: Viewing, callers: Callers, school: httpx.Client) -> None:
        self.viewing = viewing
        self.callers = callers
        self.school = school

    def officer(self, *, day: Any = TODAY, location: UUID | None = None) -> httpx.Client:
        """Return a client of a new officer, with one duty unless `day` is None."""
        client_id = uuid4()
        with UnitOfWork(self.viewing.sessions) as unit:
            names = {"id": client_id, "name": f"officer {client_id}", "sort_key": ""}
            client = names | {"kind": "officer", "scopes": [Scope.VIEWINGS_DESK]}
            unit.session.execute(insert(Client).values(client))
            if day is not None:
                duty = {"client_id": client_id, "day": day}
                duty["location_id"] = location or self.viewing.location
                unit.session.execute(insert(ViewingDuty).values(duty))
        caller = Caller(str(client_id), CallerKind.OFFICER, frozenset({Scope.VIEWINGS_DESK}))
        opened = self.callers.client()
        opened.auth = TokenAuth(lambda: self.callers.issue(caller), self.callers.key)
        return opened

    def registration(self, label: str = "first") -> str:
        """Register a student, and let the slot be one that runs now."""
        slot = self.viewing.slot(3)
        of = {"studentId": str(self.viewing.seeded.students[label]), "slotId": str(slot)}
        made = self.school.post("/v1/viewings/registrations", json=of)
        assert made.status_code == 201, made.text
        self.viewing.run_now(slot)
        return str(made.json()["id"])


@pytest.fixture
def desk(viewing: Viewing, callers: Callers, school: httpx.Client) -> Desk:
    return Desk(viewing, callers, school)


def open_at(officer: httpx.Client, registration: str) -> httpx.Response:
    url = f"{DESK}/registrations/{registration}/open"
    return officer.post(url, json={"identityChecked": True})


def items_of(
    officer: httpx.Client, registration: str, component: str = "LO4-LEZ"
) -> httpx.Response:
    url = f"{DESK}/registrations/{registration}/items"
    return officer.get(url, params={"component": component})


def test_an_officer_sees_right_or_wrong_and_nothing_else(
    desk: Desk, key: ViewingKey, audit_log: AuditLog
) -> None:
    registration, officer = desk.registration(), desk.officer()
    code = key.code_of(UUID(registration))
    typed = f"{code[:5]}-{code[5:]}".lower().replace("0", "o").replace("1", "l")
    found = officer.post(f"{DESK}/lookUps", json={"code": typed})
    assert found.status_code == 200, found.text
    assert (found.json()["id"], found.json()["familyName"]) == (registration, "Familie-first")
    assert items_of(officer, registration).status_code == 404
    for body in ({"identityChecked": False}, {"identityChecked": 1}, {}):
        url = f"{DESK}/registrations/{registration}/open"
        assert officer.post(url, json=body).status_code == 400
    assert open_at(officer, registration).json()["state"] == "open"
    components = officer.get(f"{DESK}/registrations/{registration}/components").json()
    assert components == {"items": [{"code": "LO4-LEZ", "name": "Onderdeel LO4-LEZ"}]}
    shown = items_of(officer, registration)
    answers = ["right", "wrong", "right", "right", "wrong"]
    assert shown.json() == {
        "component": components["items"][0],
        "items": [
            {"item": item, "answer": answer} for item, answer in zip(ITEMS, answers, strict=False)
        ],
    }
    assert ("listDeskItems", SCHOOL, "allowed", "granted") in audit_log.decisions()
    own = desk.school.get("/v1/auditEvents").json()["items"]
    assert "listDeskItems" in [event["action"] for event in own]
    closed = officer.post(f"{DESK}/registrations/{registration}/close")
    assert closed.json()["state"] == "closed"
    assert items_of(officer, registration).status_code == 404
    assert open_at(officer, registration).status_code == 409


def test_absent_results_and_calibrations_are_never_shown(desk: Desk) -> None:
    registration, officer = desk.registration(), desk.officer()
    open_at(officer, registration)
    for component in ("LO4-WIS", "SO2A-KAL", "SO2A-LEZ", "x"):
        assert items_of(officer, registration, component).status_code == 404


def test_there_is_nothing_for_other_officers_and_callers(
    desk: Desk, key: ViewingKey, sessions: Sessions
) -> None:
    registration = desk.registration()
    open_at(desk.officer(), registration)
    with UnitOfWork(sessions) as unit:
        elsewhere = unit.session.execute(
            text(
                "insert into viewing_locations (name, address, sort_key)"
                " values (gen_random_uuid()::text, 'Gent', 'gent') returning id"
            )
        ).scalar_one()
    others = {
        "another location": desk.officer(location=elsewhere),
        "yesterday": desk.officer(day=TODAY - timedelta(days=1)),
        "tomorrow": desk.officer(day=TODAY + timedelta(days=1)),
        "without a duty": desk.officer(day=None),
    }
    for name, officer in others.items():
        url = f"{DESK}/registrations/{registration}"
        responses = [
            officer.post(f"{DESK}/lookUps", json={"code": key.code_of(UUID(registration))}),
            officer.get(f"{url}/components"),
            items_of(officer, registration),
            open_at(officer, registration),
            officer.post(f"{url}/close"),
            officer.post(f"{url}/annul", json={"reason": "noShow"}),
        ]
        assert {one.status_code for one in responses} == {404}, name
        assert officer.get(f"{DESK}/registrations").json() == {"items": []}, name
    assert items_of(desk.school, registration).status_code == 403


def test_items_are_shown_within_the_slot_and_the_window_only(
    desk: Desk, sessions: Sessions
) -> None:
    registration, officer = desk.registration(), desk.officer()
    open_at(officer, registration)
    assert items_of(officer, registration).status_code == 200
    with UnitOfWork(sessions) as unit:
        recall = add_recall(unit.session, ADMINISTRATION, Product.TEST_VIEWING)
    assert items_of(officer, registration).status_code == 404
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from recalls where id = :id"), {"id": recall})
        slots = unit.session.execute(
            text("update viewing_settings set margin_minutes = 0 returning 1")
        )
        assert slots.all()
        moved = "update viewing_slots set starts_at = starts_at - interval '3 minutes',"
        moved += " ends_at = starts_at - interval '2 minutes' where taken > 0"
        unit.session.execute(text(moved))
    assert items_of(officer, registration).status_code == 404
    desk.viewing.configure(margin_minutes=15)
    assert items_of(officer, registration).status_code == 200


def test_five_wrong_codes_a_minute(desk: Desk, key: ViewingKey) -> None:
    registration, officer = desk.registration(), desk.officer()
    right = {"code": key.code_of(UUID(registration))}
    if datetime.now(UTC).second > 45:  # the limit is that of a minute of the clock
        time.sleep(16)
    for _ in range(10):
        assert officer.post(f"{DESK}/lookUps", json=right).status_code == 200
    wrong = [officer.post(f"{DESK}/lookUps", json={"code": "0000000000"}) for _ in range(6)]
    assert [one.status_code for one in wrong] == [404] * 5 + [429]
    assert officer.post(f"{DESK}/lookUps", json=right).status_code == 429
    assert desk.officer().post(f"{DESK}/lookUps", json=right).status_code == 200


def test_the_list_of_the_day_has_names_and_annulled_places_are_free(desk: Desk) -> None:
    first, second, officer = desk.registration(), desk.registration("second"), desk.officer()
    listed = officer.get(f"{DESK}/registrations").json()["items"]
    assert {one["id"] for one in listed} == {first, second}
    assert {one["familyName"] for one in listed} == {"Familie-first", "Familie-second"}
    url = f"{DESK}/registrations/{first}/annul"
    assert officer.post(url, json={"reason": "ill"}).status_code == 400
    for _ in range(2):
        assert officer.post(url, json={"reason": "noShow"}).json()["state"] == "annulled"
    shown = desk.school.get(f"/v1/viewings/registrations/{first}").json()
    assert (shown["state"], shown["reason"]) == ("annulled", "noShow")
    assert len(officer.get(f"{DESK}/registrations").json()["items"]) == 1


def test_a_withdrawn_duty_ends_at_once(desk: Desk, sessions: Sessions) -> None:
    registration, officer = desk.registration(), desk.officer()
    open_at(officer, registration)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("update viewing_duties set withdrawn_at = now()"))
    assert items_of(officer, registration).status_code == 404


@settings(
    max_examples=ANSWERS,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(correct=st.lists(st.booleans(), min_size=len(ITEMS), max_size=len(ITEMS)))
def test_no_response_depends_on_how_many_answers_are_right(
    shared_desk: tuple[Desk, httpx.Client, str, str], correct: list[bool]
) -> None:
    desk, officer, registration, code = shared_desk
    with UnitOfWork(desk.viewing.sessions) as unit:
        of_first = ItemResult.student_id == desk.viewing.seeded.students["first"]
        unit.session.execute(
            update(ItemResult).where(of_first).values(items=ITEMS, correct=correct)
        )
    url = f"{DESK}/registrations/{registration}"
    of_school = f"/v1/viewings/registrations/{registration}"
    responses = [
        desk.school.get("/v1/viewings/registrations"),
        desk.school.get(of_school),
        desk.school.get(f"{of_school}/calendar"),
        desk.school.get("/v1/viewings/slots"),
        officer.post(f"{DESK}/lookUps", json={"code": code}),
        officer.get(f"{DESK}/registrations"),
        officer.get(f"{url}/components"),
        items_of(officer, registration),
        open_at(officer, registration),
        officer.head(f"{url}/items", params={"component": "LO4-LEZ"}),
    ]
    texts = [
        one.text.replace("right", "?????").replace("wrong", "?????")
        + str({n: v for n, v in one.headers.items() if n not in VARYING})
        for one in responses
    ]
    assert {one.status_code for one in responses} == {200}
    SEEN.add(tuple(texts))
    assert len(SEEN) == 1


VARYING = {"date", "belgov-trace-id", "dpop-nonce", "ratelimit"}
SEEN: set[tuple[str, ...]] = set()


@pytest.fixture
def shared_desk(desk: Desk, key: ViewingKey) -> tuple[Desk, httpx.Client, str, str]:
    SEEN.clear()
    registration, officer = desk.registration(), desk.officer()
    open_at(officer, registration)
    return desk, officer, registration, key.code_of(UUID(registration))
