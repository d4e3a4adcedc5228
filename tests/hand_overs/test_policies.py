"""The policies of hand-overs and declarations: SQL as the API, past the use cases."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.declarations.models import Declaration, DeclarationWithdrawal
from shared.hand_overs.models import HandOver, HandOverWithdrawal
from tests.api.seeding import LONG_AGO, OTHER, SCHOOL, Seeded, released
from tests.hand_overs.conftest import OpenUnit

CONTENT = b"\2" * 32
TABLES = ("hand_overs", "hand_over_withdrawals", "declarations", "declaration_withdrawals")
ADD = """
    insert into hand_overs (school_id, student_id, number, content_sha256, means, handed_over_on
        {column}) values (:school_id, :student_id, :number, :content, 'printed', '2024-06-21'
        {value})
"""


@pytest.fixture(scope="module")
def recorded(sessions: Sessions, seeded: Seeded) -> dict[str, UUID]:
    """Add a withdrawn hand-over and a withdrawn declaration of each school; return their ids."""
    ids = {}
    with UnitOfWork(sessions) as unit:
        for school, label in ((SCHOOL, "first"), (OTHER, "other")):
            of = {"school_id": school, "number": 1}
            hand_over = {"student_id": seeded.students[label], "content_sha256": CONTENT}
            hand_over |= {"means": "digital", "handed_over_on": LONG_AGO.date()}
            added = insert(HandOver).values(of | hand_over).returning(HandOver.id)
            ids[school] = unit.session.execute(added).scalar_one()
            withdrawal = {"hand_over_id": ids[school], "school_id": school}
            unit.session.execute(insert(HandOverWithdrawal).values(withdrawal))
            declaration = {"school_year": "2023-2024", "declared_on": LONG_AGO.date()}
            made = insert(Declaration).values(of | declaration).returning(Declaration.id)
            withdrawal = {"declaration_id": unit.session.scalar(made), "school_id": school}
            unit.session.execute(insert(DeclarationWithdrawal).values(withdrawal))
    return ids


def add_raw(
    unit: UnitOfWork, school_id: str, student_id: UUID, content: bytes = CONTENT, moment: str = ""
) -> None:
    """Insert a hand-over without the use case."""
    column, value = (", recorded_at", f", {moment}") if moment else ("", "")
    values = {"school_id": school_id, "student_id": student_id, "number": 2, "content": content}
    unit.session.execute(text(ADD.format(column=column, value=value)), values)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("table", TABLES)
def test_a_school_sees_its_own_rows_only(open_unit: OpenUnit, table: str) -> None:
    for school in (SCHOOL, OTHER):
        with open_unit(school) as unit:
            found = unit.session.scalars(text(f"select school_id from {table}")).all()
        assert found == [school]
    with open_unit() as unit:
        unit.session.execute(text("set local toetsfeedback.kind = 'operator'"))
        assert unit.session.scalars(text(f"select school_id from {table}")).all() == []


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["update {} set school_id = school_id", "delete from {}"])
def test_no_row_is_changed_or_removed(open_unit: OpenUnit, table: str, change: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), open_unit() as unit:
        unit.session.execute(text(change.format(table)))


@pytest.mark.usefixtures("open_now")
def test_a_readable_fiche_can_be_handed_over(open_unit: OpenUnit, seeded: Seeded) -> None:
    with open_unit() as unit:
        add_raw(unit, SCHOOL, seeded.students["second"])
        unit.session.rollback()


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("school_id", "label", "content", "moment"),
    [
        (SCHOOL, "other", CONTENT, ""),
        (OTHER, "other", CONTENT, ""),
        (OTHER, "first", CONTENT, ""),
        (SCHOOL, "third", CONTENT, ""),
        (SCHOOL, "second", b"\3" * 32, ""),
        (SCHOOL, "second", CONTENT, "now() - interval '1 day'"),
    ],
    ids=["foreign", "as another", "mixed", "no fiche", "other content", "backdated record"],
)
def test_nothing_else_is_recorded_as_handed_over(
    open_unit: OpenUnit, seeded: Seeded, school_id: str, label: str, content: bytes, moment: str
) -> None:
    with pytest.raises(DBAPIError, match="violates row-level security"), open_unit() as unit:
        add_raw(unit, school_id, seeded.students[label], content, moment)


@pytest.mark.parametrize("hours", [1, None], ids=["before the release", "never planned"])
def test_no_fiche_is_handed_over_outside_its_window(
    open_unit: OpenUnit, sessions: Sessions, seeded: Seeded, hours: int | None
) -> None:
    def add() -> None:
        with pytest.raises(DBAPIError, match="violates row-level security"), open_unit() as unit:
            add_raw(unit, SCHOOL, seeded.students["second"])

    if hours is None:
        return add()
    with released(sessions, timedelta(hours=hours)):
        return add()


@pytest.mark.usefixtures("open_now")
def test_no_hand_over_lies_in_the_future(open_unit: OpenUnit, seeded: Seeded) -> None:
    later = text(ADD.format(column="", value="").replace("'2024-06-21'", "current_date + 2"))
    values = {"student_id": seeded.students["second"], "number": 2, "content": CONTENT}
    with pytest.raises(DBAPIError, match="not_in_advance"), open_unit() as unit:
        unit.session.execute(later, values | {"school_id": SCHOOL})


def test_a_school_withdraws_nothing_of_another(
    open_unit: OpenUnit, recorded: dict[str, UUID]
) -> None:
    withdrawal = text("insert into hand_over_withdrawals (hand_over_id, school_id) values (:a, :b)")
    for hand_over, school, fault in (
        (recorded[OTHER], OTHER, "violates row-level security"),
        (recorded[OTHER], SCHOOL, "violates foreign key"),
        (uuid4(), SCHOOL, "violates foreign key"),
    ):
        with pytest.raises(DBAPIError, match=fault), open_unit() as unit:
            unit.session.execute(withdrawal, {"a": hand_over, "b": school})


def test_hand_overs_end_with_the_row_of_their_student(
    sessions: Sessions, seeded: Seeded, recorded: dict[str, UUID]
) -> None:
    """No program deletes students yet; the owner of the database does it for a test."""
    counted = text("select count(*) from hand_overs join hand_over_withdrawals using (school_id)")
    with UnitOfWork(sessions) as unit:
        assert recorded
        before = unit.session.execute(counted).scalar_one()
        for table in ("documents", "scale_scores", "item_results", "results"):
            key = "result_id in (select id from results where student_id = :student)"
            condition = key if table == "scale_scores" else "student_id = :student"
            removal = text(f"delete from {table} where {condition}")
            unit.session.execute(removal, {"student": seeded.students["other"]})
        removal = text("delete from students where id = :student")
        unit.session.execute(removal, {"student": seeded.students["other"]})
        assert unit.session.execute(counted).scalar_one() == before - 1
        unit.session.rollback()
