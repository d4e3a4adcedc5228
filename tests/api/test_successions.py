"""Successions through the API: two persons let a school read what its predecessor got."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, insert, text, update

from shared.access.products import Product
from shared.access.rules import Caller, CallerKind, Scope
from shared.core.database import Sessions, open_engine, session_factory, set_local_settings
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.models import Mandate
from shared.oauth.clients.models import Client
from shared.schools.models import School, Succession, SuccessionConfirmation
from tests.api.approved_releases import problem
from tests.api.conftest import AuditLog, Callers
from tests.api.operators import Operator, operators
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded
from tests.predecessors import name_predecessor
from tests.releasing import close_everything, open_scope

NEW, NEWER = "000036", "000044"
VENDOR = "vendor of successions"


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers) -> Sequence[Operator]:
    return operators(sessions, callers, "first", "second", "third")


@pytest.fixture(autouse=True)
def _released(sessions: Sessions, seeded: Seeded) -> Iterator[None]:
    assert seeded.documents
    with UnitOfWork(sessions) as unit:
        open_scope(unit.session, ADMINISTRATION, Product.STUDENT_FEEDBACK)
        for number, before in ((NEW, SCHOOL), (NEWER, NEW)):
            named = {"name": "De Nieuwe", "municipality": "Genk", "main_structure": "211"}
            unit.session.execute(insert(School).values(id=number, **named))
            name_predecessor(unit.session, before, number)
    yield
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)
        for table in (SuccessionConfirmation, Succession):
            unit.session.execute(delete(table))
        unit.session.execute(delete(School).where(School.id.in_([NEW, NEWER])))
        unit.session.execute(update(School).values(successor_of=None))
        unit.session.execute(update(Client).values(state="active"))


@pytest.fixture(scope="module")
def successor(callers: Callers) -> httpx.Client:
    return callers.school(NEW)


def confirm(person: Operator, successor: str = NEW, predecessor: str = SCHOOL) -> httpx.Response:
    body = {"successorId": successor, "predecessorId": predecessor}
    return person.api.post("/v1/successions", json=body)


def succeed(persons: Sequence[Operator], successor: str = NEW, predecessor: str = SCHOOL) -> str:
    """Confirm as two persons, and return the path of the succession."""
    for person in persons[:2]:
        confirmed = confirm(person, successor, predecessor)
        assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["state"] == "inEffect"
    return f"/v1/successions/{confirmed.json()['id']}"


def paths(seeded: Seeded) -> dict[str, str]:
    """Return every read of the data of the predecessor."""
    school, student = f"/v1/schools/{SCHOOL}", f"/v1/students/{seeded.students['first']}"
    document = f"/v1/documents/{seeded.documents['fiche']}"
    lists = ("students", "results", "documents", "handOvers", "handOverCounts")
    return {
        "school": school,
        **{name: f"{school}/{name}" for name in lists},
        "handOutEntries": f"{school}/handOutEntries?administrationId={ADMINISTRATION}",
        "student": student,
        "results of student": f"{student}/results",
        "handOvers of student": f"{student}/handOvers",
        "document": document,
        "content": f"{document}/content",
    }


def statuses(client: httpx.Client, seeded: Seeded) -> set[int]:
    return {client.get(path).status_code for path in paths(seeded).values()}


def test_a_successor_reads_and_the_old_number_does_not_once_two_persons_confirm(
    persons: Sequence[Operator],
    school: httpx.Client,
    other: httpx.Client,
    successor: httpx.Client,
    seeded: Seeded,
) -> None:
    before = {name: school.get(path).content for name, path in paths(seeded).items()}
    assert statuses(successor, seeded) == {404}
    assert confirm(persons[0]).json()["state"] == "pending"
    assert problem(confirm(persons[0])) == "alreadyConfirmed"
    assert statuses(successor, seeded) == {404}, "one person"
    assert statuses(school, seeded) == {200}
    assert confirm(persons[1]).json()["state"] == "inEffect"
    assert {name: successor.get(path).content for name, path in paths(seeded).items()} == before
    listed = [one["id"] for one in successor.get("/v1/schools").json()["items"]]
    assert listed == [SCHOOL]
    assert statuses(school, seeded) == {404}
    assert school.get("/v1/schools").json()["total"] == 0
    assert statuses(other, seeded) == {404}
    assert other.get(f"/v1/schools/{OTHER}/results").json()["total"] > 0


def test_a_revoked_succession_gives_the_data_back(
    persons: Sequence[Operator], school: httpx.Client, successor: httpx.Client, seeded: Seeded
) -> None:
    path = succeed(persons)
    grant = successor.post(f"{paths(seeded)['document']}/grants").json()
    revoked = persons[2].api.post(f"{path}/revoke").json()
    assert (revoked["state"], revoked["revokedBy"]) == ("revoked", str(persons[2].person_id))
    assert statuses(successor, seeded) == {404}
    assert successor.get(grant["href"]).status_code == 404
    assert statuses(school, seeded) == {200}
    assert persons[0].api.get(path).json() == revoked
    assert succeed(persons) != path, "it can be confirmed again, by two persons"


@pytest.mark.parametrize("state", ["suspended", "expired"])
def test_the_first_confirmation_counts_only_while_it_is_valid(
    persons: Sequence[Operator], sessions: Sessions, state: str
) -> None:
    assert confirm(persons[0]).status_code == 200
    with UnitOfWork(sessions) as unit:
        if state == "suspended":
            of_person = Client.person_id == persons[0].person_id
            unit.session.execute(update(Client).where(of_person).values(state="suspended"))
        else:
            aged = "update succession_confirmations set confirmed_at = confirmed_at - interval '{}'"
            unit.session.execute(text(aged.format("80 h") + ", expires_at = now()"))
    assert confirm(persons[1]).json()["state"] == "pending"
    assert confirm(persons[2]).json()["state"] == "inEffect"


def test_two_persons_who_confirm_at_the_same_time_are_two(
    persons: Sequence[Operator], successor: httpx.Client, seeded: Seeded
) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = [*pool.map(confirm, persons)]
    states = sorted(one.json()["state"] if one.is_success else problem(one) for one in answers)
    assert states == ["alreadySucceeded", "inEffect", "pending"]
    assert statuses(successor, seeded) == {200}


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ((OTHER, SCHOOL), "notDelivered"),
        ((SCHOOL, NEW), "notDelivered"),
        ((NEW, "999999"), "notDelivered"),
        ((NEWER, SCHOOL), "notDelivered"),
    ],
)
def test_only_what_a_delivery_named_is_confirmed(
    persons: Sequence[Operator], pair: tuple[str, str], code: str
) -> None:
    refused = confirm(persons[0], *pair)
    assert (refused.status_code, problem(refused)) == (409, code)


def test_a_school_has_one_successor_and_no_circle(
    persons: Sequence[Operator], sessions: Sessions
) -> None:
    with UnitOfWork(sessions) as unit:
        name_predecessor(unit.session, SCHOOL, NEWER)
        name_predecessor(unit.session, NEWER, SCHOOL)
    succeed(persons)
    assert problem(confirm(persons[0], NEWER, SCHOOL)) == "alreadySucceeded"
    succeed(persons, NEWER, NEW)
    assert problem(confirm(persons[0], SCHOOL, NEWER)) == "successionCircle"


def test_the_successor_of_a_successor_reads_everything(
    persons: Sequence[Operator], callers: Callers, successor: httpx.Client, seeded: Seeded
) -> None:
    newer = callers.school(NEWER)
    succeed(persons)
    succeed(persons, NEWER, NEW)
    assert statuses(newer, seeded) == {200}
    assert statuses(successor, seeded) == {404}


def test_only_entitled_persons_confirm(
    persons: Sequence[Operator], operator: httpx.Client, school: httpx.Client
) -> None:
    body = {"successorId": NEW, "predecessorId": SCHOOL}
    for api in (operator, school, persons[0].with_scopes(Scope.RELEASES_WRITE)):
        assert api.post("/v1/successions", json=body).status_code == 403
    assert school.get("/v1/successions").status_code == 403


def mandate_of(school: str) -> dict[str, Any]:
    days = {"from_on": date(2024, 1, 1), "until_on": date(2999, 1, 1)}
    of = {"school_id": school, "client": VENDOR, "products": [Product.STUDENT_FEEDBACK]}
    return of | days | {"purpose": "p", "decided_by": "portal"}


def test_mandates_do_not_carry_over(
    persons: Sequence[Operator], callers: Callers, sessions: Sessions, seeded: Seeded
) -> None:
    scopes = frozenset({Scope.SCHOOLS_READ, Scope.STUDENTS_READ, Scope.RESULTS_READ})
    vendor = callers.client(callers.issue(Caller(VENDOR, CallerKind.INTEGRATOR, scopes)))
    read = f"/v1/schools/{SCHOOL}/results"
    with UnitOfWork(sessions) as unit:
        unit.session.execute(insert(Mandate).values(mandate_of(SCHOOL)))
    assert vendor.get(read).status_code == 200
    path = succeed(persons)
    assert vendor.get(read).status_code == 404
    assert vendor.get(f"/v1/students/{seeded.students['first']}").status_code == 404
    with UnitOfWork(sessions) as unit:
        unit.session.execute(insert(Mandate).values(mandate_of(NEW)))
    assert vendor.get(read).status_code == 404, "a mandate is for the number that gave it"
    assert persons[0].api.post(f"{path}/revoke").status_code == 200
    assert vendor.get(read).status_code == 200


def test_the_old_number_does_nothing_any_more(
    persons: Sequence[Operator], school: httpx.Client
) -> None:
    succeed(persons)
    reads = {"/v1/mandates", "/v1/auditEvents", "/v1/declarations"}
    assert {school.get(path).status_code for path in reads} == {403}


def test_the_audit_log_of_the_successor_has_its_reads(
    persons: Sequence[Operator], successor: httpx.Client, seeded: Seeded, audit_log: AuditLog
) -> None:
    succeed(persons)
    changes = [one for one in audit_log.decisions() if one[0] == "confirmSuccession"]
    assert [one[1] for one in changes] == [None, SCHOOL, NEW] * 2
    student = seeded.students["first"]
    assert successor.get(f"/v1/students/{student}").status_code == 200
    assert audit_log.entries()[-1]["organisation"] == NEW
    found = successor.get("/v1/auditEvents", params={"studentId": str(student)}).json()["items"]
    assert found[0]["action"] == "getStudent"


def test_the_audit_log_names_the_students_of_documents_of_the_predecessor(
    persons: Sequence[Operator], successor: httpx.Client, seeded: Seeded, audit_log: AuditLog
) -> None:
    succeed(persons)
    for name in ("fiche", "bundle"):
        path = f"/v1/documents/{seeded.documents[name]}"
        assert successor.get(path).status_code == 200
        entry = audit_log.entries()[-1]
        assert (entry["organisation"], entry["resource"]) == (NEW, path)
        student = str(seeded.students["first"])
        for query in ({"studentId": student}, {"documentId": str(seeded.documents["fiche"])}):
            found = successor.get("/v1/auditEvents", params=query).json()["items"]
            assert found[0]["resource"] == path
            assert found[0]["studentCount"] > 0


def test_row_policies_follow_successions(
    persons: Sequence[Operator], api_settings: Settings
) -> None:
    succeed(persons)
    engine = open_engine(api_settings, application_name="tests")
    seen = {}
    for number in (SCHOOL, NEW, OTHER):
        with session_factory(engine)() as session:
            caller = {"client": "portal", "kind": "school", "school": number}
            set_local_settings(session, {f"toetsfeedback.{k}": v for k, v in caller.items()})
            tables = ("students", "results", "documents", "class_groups", "participations")
            seen[number] = {
                (table, school)
                for table in tables
                for school in session.scalars(text(f"select school_id from {table}"))
            }
    engine.dispose()
    assert seen[SCHOOL] == set()
    assert {school for _, school in seen[NEW]} == {SCHOOL}
    assert len(seen[NEW]) == 5
    assert {school for _, school in seen[OTHER]} == {OTHER}
