"""The caller of an audit event comes from the session and the login, never from its arguments."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import OTHER, SCHOOL, Seeded, seed_schools

APPEND = (
    "select append_audit_event(%(school)s, %(students)s, null, %(claimed)s, null, 'read', '/v1/x',"
    " %(outcome)s, 'granted', null)"
)
NEWEST = (
    "select client, caller_kind, caller_organisation, caller_subject, organisation, students"
    " from audit_events order by id desc limit 1"
)
APPEND_LATER = (
    "select append_audit_event_later(array[%(school)s, %(other)s], %(students)s, null, 'read',"
    " '/v1/x', 'allowed', 'granted', null)"
)
Login = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture
def connect(settings_of: Callable[[str], Settings]) -> Login:
    @contextmanager
    def connect(program: str, **caller: str) -> Iterator["psycopg.Connection[Any]"]:
        url = settings_of(program).database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as connection:
            for name, value in caller.items():
                connection.execute(
                    "select set_config(%s, %s, false)", [f"toetsfeedback.{name}", value]
                )
            yield connection

    return connect


@pytest.fixture
def newest(settings: Settings) -> Callable[[], Any]:
    def newest() -> Any:
        with psycopg.connect(settings.database_url.get_secret_value()) as owner:
            owner.execute("select append_pending_events(null)")
            return owner.execute(NEWEST).fetchone()

    return newest


def values(
    school: str | None,
    outcome: str = "allowed",
    students: list[UUID] | None = None,
    claimed: UUID | None = None,
) -> dict[str, object]:
    return {"school": school, "outcome": outcome, "students": students or [], "claimed": claimed}


def test_the_caller_is_that_of_the_transaction(connect: Login, newest: Callable[[], Any]) -> None:
    caller = {"client": "portal", "kind": "school", "school": SCHOOL, "subject": "a1b2c3"}
    with connect("api", **caller) as connection:
        connection.execute(APPEND, values(SCHOOL))
    assert newest() == ("portal", "school", SCHOOL, "a1b2c3", SCHOOL, [])


@pytest.mark.parametrize(
    "caller",
    [
        {},
        {"client": "portal", "kind": "school", "school": SCHOOL},
        {"client": "vendor", "kind": "integrator"},
    ],
)
def test_only_operators_and_imports_have_events_of_many_schools(
    connect: Login, newest: Callable[[], Any], caller: dict[str, str]
) -> None:
    schools = values(SCHOOL) | {"other": OTHER}
    with connect("api", **caller) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(APPEND_LATER, schools)
    with connect("api", client="ops", kind="operator") as connection:
        connection.execute(APPEND_LATER, schools)
    assert newest() == ("ops", "operator", None, None, max(SCHOOL, OTHER), [])


@pytest.mark.parametrize(
    ("program", "caller", "school"),
    [
        ("api", {}, SCHOOL),
        ("api", {"client": "portal", "kind": "school", "school": SCHOOL}, OTHER),
        ("api", {"client": "vendor", "kind": "integrator"}, SCHOOL),
        ("api", {"client": "ops", "kind": "operator"}, SCHOOL),
    ],
)
def test_a_program_cannot_record_a_read_that_its_caller_could_not_do(
    connect: Login, seeded: Seeded, program: str, caller: dict[str, str], school: str
) -> None:
    students = [seeded.students["first" if school == SCHOOL else "other"]]
    with connect(program, **caller) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(APPEND, values(school, students=students))


@pytest.mark.parametrize("program", ["operator", "auditor"])
@pytest.mark.parametrize("outcome", ["allowed", "refused"])
def test_operators_and_auditors_append_no_event(connect: Login, program: str, outcome: str) -> None:
    with connect(program) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(APPEND, values(SCHOOL, outcome))


def test_a_delivery_is_recorded_under_the_login_of_the_worker(
    connect: Login, newest: Callable[[], Any], seeded: Seeded
) -> None:
    with connect("worker", client="portal", kind="school", school=SCHOOL) as connection:
        login = connection.execute("select session_user").fetchone()[0]
        connection.execute(APPEND, values(SCHOOL, students=[seeded.students["first"]]))
    expected = (login, "service", None, None, SCHOOL, [seeded.students["first"]])
    assert newest() == expected


@pytest.mark.parametrize(
    ("kind", "school"), [("operator", "999999"), ("integrator", "999999"), ("school", None)]
)
def test_an_unknown_school_gets_no_chain(
    connect: Login, newest: Callable[[], Any], kind: str, school: str | None
) -> None:
    with connect("api", client="a client", kind=kind, school=SCHOOL) as connection:
        connection.execute(APPEND, values(school, "refused", [uuid4()]))
    assert newest()[4:] == (None, [])


def test_an_unauthenticated_client_is_named_only_if_it_is_registered(
    connect: Login, newest: Callable[[], Any]
) -> None:
    with connect("api") as connection:
        connection.execute(APPEND, values(None, "refused", claimed=uuid4()))
    assert newest()[:2] == ("unknown", "unauthenticated")


REFUSED = (
    "select append_audit_event('000028', '{}', null, null, %(purpose)s, %(action)s, %(resource)s,"
    " 'refused', %(rule)s, %(trace)s)"
)
LEGITIMATE = {
    "purpose": None,
    "action": "getStudent",
    "resource": "/v1/students/1",
    "rule": "reach",
    "trace": "00-1",
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "foo"},
        {"kind": "service\n"},
        {"client": "portal\x1b[2J"},
        {"subject": "a\u202eb"},
        {"school": "0\n"},
        {"rule": "any thing"},
        {"rule": ""},
        {"action": "x\ny"},
        {"resource": "/v1/x\r\n"},
        {"resource": "none"},
        {"trace": "\x07"},
        {"purpose": "a\u2028b"},
    ],
    ids=ascii,
)
def test_refusal_has_a_known_kind_of_caller_and_plain_texts(
    connect: Login, change: dict[str, str]
) -> None:
    caller = {"client": "portal", "kind": "school", "school": SCHOOL, "subject": "a1b2c3"}
    with connect("api", **caller) as connection:
        connection.execute(REFUSED, LEGITIMATE)
    with connect("api", **caller | {k: v for k, v in change.items() if k in caller}) as connection:
        values = LEGITIMATE | {k: v for k, v in change.items() if k in LEGITIMATE}
        with pytest.raises(CheckViolation):
            connection.execute(REFUSED, values)


@pytest.mark.parametrize("program", ["api", "importer", "worker"])
@pytest.mark.parametrize("outcome", ["allowed", "refused"])
@pytest.mark.parametrize(
    "students",
    [
        "{NULL}",
        "{{00000000-0000-0000-0000-000000000001},{00000000-0000-0000-0000-000000000002}}",
        "[2:2]={00000000-0000-0000-0000-000000000001}",
    ],
)
def test_students_of_an_event_are_a_plain_list(
    connect: Login, program: str, outcome: str, students: str
) -> None:
    values = {"school": SCHOOL, "students": students, "claimed": None, "outcome": outcome}
    statement = APPEND.replace("%(students)s", "%(students)s::uuid[]")
    with connect(program) as connection, pytest.raises(CheckViolation, match="without nulls"):
        connection.execute(statement, values)
