"""Row-level security of test viewing: SQL without a filter, with the login of the API."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.core.database import Sessions, set_local_settings
from shared.core.unit_of_work import UnitOfWork
from shared.viewings.models import ViewingRegistration
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL
from tests.viewings.seeding import Viewing

ActAs = Callable[..., AbstractContextManager[Session]]
COUNT = "select count(*) from viewing_registrations"


@pytest.fixture(scope="module")
def registration(viewing: Viewing) -> UUID:
    registration_id, slot = uuid4(), viewing.slot()
    values = {"id": registration_id, "slot_id": slot, "state": "confirmed", "companions": 0}
    values |= {"administration_id": ADMINISTRATION, "school_id": SCHOOL, "code_hash": b"1"}
    values |= {"student_id": viewing.seeded.students["first"]}
    with UnitOfWork(viewing.sessions) as unit:
        unit.session.execute(insert(ViewingRegistration).values(values))
    return registration_id


@pytest.fixture
def act_as(api_sessions: Sessions, registration: UUID) -> ActAs:  # noqa: ARG001  # a row to hide
    @contextmanager
    def act_as(kind: str, school: str = "", client: str = "x") -> Iterator[Session]:
        with UnitOfWork(api_sessions) as unit:
            caller = {"kind": kind, "school": school, "client": client}
            settings = {f"toetsfeedback.{name}": value for name, value in caller.items()}
            set_local_settings(unit.session, settings)
            yield unit.session

    return act_as


@pytest.mark.parametrize(
    ("kind", "school", "count"),
    [
        ("school", SCHOOL, 1),
        ("school", OTHER, 0),
        ("operator", "", 0),
        ("integrator", "", 0),
        ("officer", "", 0),
    ],
)
def test_a_registration_is_seen_by_its_school_alone(
    act_as: ActAs, kind: str, school: str, count: int
) -> None:
    with act_as(kind, school) as session:
        assert session.scalar(text(COUNT)) == count
        changed = session.execute(text("update viewing_registrations set companions = 1"))
        assert changed.rowcount == count  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statement",
    [
        "update viewing_slots set taken = 0",
        "update viewing_slots set capacity = 1000",
        "delete from viewing_registrations",
        "select from viewing_school_days",
        "select from item_results",
        "insert into viewing_confirmations values (gen_random_uuid(), '000028', 1, '', 1, '')",
        "select set_viewing_capacity(gen_random_uuid(), 1000)",
        "select remove_expired_viewings()",
        "select desk_slots_at(now())",
    ],
)
def test_a_school_changes_no_places_and_reads_no_items(act_as: ActAs, statement: str) -> None:
    refused = pytest.raises(DBAPIError, match=r"permission denied|operators plan places")
    with refused, act_as("school", SCHOOL) as session:
        session.execute(text(statement))


def test_items_are_shown_to_no_other_caller(act_as: ActAs, registration: UUID) -> None:
    items = text("select count(*) from viewing_items(:id)").bindparams(id=registration)
    for kind in ("school", "operator", "integrator", "officer"):
        with act_as(kind, SCHOOL if kind == "school" else "") as session:
            assert session.scalar(items) == 0
            assert session.scalar(text("select count(*) from desk_visitors()")) == 0


def test_a_school_registers_no_student_of_another(act_as: ActAs, viewing: Viewing) -> None:
    statement = text(
        "insert into viewing_registrations (id, administration_id, school_id, student_id, slot_id,"
        " state, companions, code_hash)"
        " values (gen_random_uuid(), '2024', :school, :student, :slot, 'confirmed', 0, '2')"
    )
    student = viewing.seeded.students["first"]
    for school in (SCHOOL, OTHER):
        values = {"school": school, "student": student, "slot": viewing.slot()}
        refused = pytest.raises(DBAPIError, match="row-level security")
        with refused, act_as("school", OTHER) as session:
            session.execute(statement, values)
