"""Hand-overs of fiches that are built from deliveries, corrected and built again."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from shared.access.decisions import act_for
from shared.access.rules import CallerKind
from shared.core.errors import InvalidInput, ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.documents.rebuilds.reading import DocumentsBeingRebuilt
from shared.hand_overs.models import HandOver
from shared.hand_overs.rules import HandOverState, Means
from shared.hand_overs.service import (
    NewHandOvers,
    RecordedHandOvers,
    count_fiches,
    list_fiches,
    list_student_hand_overs,
    record_hand_overs,
    withdraw_hand_overs,
)
from shared.jobs import service as jobs
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.releases.models import ReleaseWindow
from shared.storage.store import Storage
from shared.students.models import Student
from shared.students.repository import Cohort
from tests.api.seeding import release
from tests.callers import school_request
from tests.deliveries.delivery_files import DeliveryFiles, correction, full
from tests.deliveries.delivery_rows import import_applied
from tests.worker.jobs.building import build

SCHOOL, OTHER = "000028", "007947"
ACCESS = school_request(SCHOOL)
EVERYONE = PageSelection(100)
Build = Callable[..., None]


def deliver(unit: UnitOfWork, delivery: DeliveryFiles, directory: Path) -> None:
    """Import a delivery as an operator, and be the school again, in one transaction."""
    become = text("select set_config('toetsfeedback.kind', :kind, true)")
    unit.session.execute(become, {"kind": CallerKind.OPERATOR})
    import_applied(unit.session, delivery, directory)
    unit.session.execute(become, {"kind": CallerKind.SCHOOL})


@pytest.fixture
def build_school(unit: UnitOfWork, storage: Storage, queue: WakeUpQueue, tmp_path: Path) -> Build:
    """Import the delivery and release it; return a function that builds the school."""
    act_for(unit, ACCESS.caller)
    deliver(unit, full(), tmp_path)
    release(unit)
    order = jobs.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", [SCHOOL], "tests")
    job = jobs.start(unit, queue, order)

    def build_school(*, force: bool = False, school_id: str = SCHOOL) -> None:
        build(unit.session, storage, job, school_id, force=force)

    build_school()
    return build_school


def states(unit: UnitOfWork) -> dict[str, str]:
    """Return the state of each fiche by the code of the student, in the order of the list."""
    page = list_fiches(unit, ACCESS, Cohort(SCHOOL), None, EVERYONE)
    by_state = {
        row.student.id: state
        for state in HandOverState
        for row in list_fiches(unit, ACCESS, Cohort(SCHOOL), state, EVERYONE).rows
    }
    assert len(by_state) == len(page.rows)
    return {row.student.delivered_as: by_state[row.student.id].value for row in page.rows}


def counts(unit: UnitOfWork) -> dict[str, tuple[int, int, int]]:
    page = count_fiches(unit, ACCESS, Cohort(SCHOOL, "2024"), EVERYONE)
    return {row.class_group: (row.open, row.done, row.again) for row in page.rows}


def student_id(session: Session, code: str, school_id: str = SCHOOL) -> UUID:
    query = select(Student.id).where(Student.delivered_as == code, Student.school_id == school_id)
    return session.execute(query).scalar_one()


def hand_over(unit: UnitOfWork, *codes: str, **values: Any) -> RecordedHandOvers:
    if codes:
        values["student_ids"] = [student_id(unit.session, code) for code in codes]
    return record_hand_overs(unit, ACCESS, NewHandOvers("2024", Means.PRINTED, **values))


@pytest.mark.usefixtures("build_school")
def test_a_class_group_is_handed_over_at_once_and_the_rest_one_by_one(unit: UnitOfWork) -> None:
    assert states(unit) == dict.fromkeys(["s2", "s1", "s5", "s3"], "open")
    assert counts(unit) == {"4A": (2, 0, 0), "4B": (2, 0, 0)}
    recorded = hand_over(unit, class_group="4A")
    assert (len(recorded.hand_over_ids), recorded.unchanged) == (2, 0)
    hand_over(unit, "s3")
    assert states(unit) == {"s2": "done", "s1": "done", "s5": "open", "s3": "done"}
    assert counts(unit) == {"4A": (0, 2, 0), "4B": (1, 1, 0)}


@pytest.mark.usefixtures("build_school")
def test_a_second_hand_over_of_a_fiche_changes_nothing(unit: UnitOfWork) -> None:
    hand_over(unit, "s1")
    recorded = hand_over(unit, class_group="4A")
    assert (len(recorded.hand_over_ids), recorded.unchanged) == (1, 1)
    assert hand_over(unit, "s1", "s2") == RecordedHandOvers([], 2)


def test_a_corrected_fiche_has_to_be_handed_over_again(
    unit: UnitOfWork, build_school: Build, tmp_path: Path
) -> None:
    hand_over(unit, class_group="4A")
    change = correction(2, results=[["s1", "LEZ4", "reported", "D", "200"]])
    deliver(unit, change, tmp_path)
    with pytest.raises(DocumentsBeingRebuilt):
        states(unit)
    build_school()
    assert (states(unit)["s1"], states(unit)["s2"]) == ("again", "done")
    assert counts(unit)["4A"] == (0, 1, 1)
    assert hand_over(unit, class_group="4A").unchanged == 1
    assert counts(unit)["4A"] == (0, 2, 0)


def test_a_correction_that_is_undone_counts_for_families_that_got_it(
    unit: UnitOfWork, build_school: Build, tmp_path: Path
) -> None:
    def correct(sequence: int, level: str) -> None:
        rows = [["s1", "LEZ4", "reported", level, "200"], ["s2", "LEZ4", "reported", level, "1"]]
        deliver(unit, correction(sequence, results=rows), tmp_path)
        build_school()

    correct(2, "E")
    hand_over(unit, class_group="4A")
    correct(3, "D")
    hand_over(unit, "s1")
    correct(4, "E")
    assert (states(unit)["s1"], states(unit)["s2"]) == ("again", "done")


def test_a_fiche_that_is_only_rebuilt_stays_handed_over(
    unit: UnitOfWork, build_school: Build
) -> None:
    hand_over(unit, class_group="4A")
    unit.session.execute(update(Document).values(sha256=b"of an earlier template"))
    build_school(force=True)
    assert set(unit.session.scalars(select(Document.version))) == {2}
    assert counts(unit) == {"4A": (0, 2, 0), "4B": (2, 0, 0)}


@pytest.mark.usefixtures("build_school")
def test_a_withdrawn_hand_over_stays_in_the_history(unit: UnitOfWork) -> None:
    for _ in range(2):
        recorded = hand_over(unit, "s1")
        for _ in range(2):
            withdraw_hand_overs(unit, ACCESS, recorded.hand_over_ids)
        assert states(unit)["s1"] == "open"
    hand_over(unit, "s1")
    student = student_id(unit.session, "s1")
    history = list_student_hand_overs(unit, ACCESS, student, EVERYONE)
    assert [row.hand_over.number for row in history.rows] == [3, 2, 1]
    assert [row.withdrawn_at is None for row in history.rows] == [True, False, False]


def test_a_withdrawal_brings_back_the_hand_over_before_it(
    unit: UnitOfWork, build_school: Build, tmp_path: Path
) -> None:
    hand_over(unit, "s1")
    change = correction(2, results=[["s1", "LEZ4", "reported", "D", "200"]])
    deliver(unit, change, tmp_path)
    build_school()
    withdraw_hand_overs(unit, ACCESS, hand_over(unit, "s1").hand_over_ids)
    assert states(unit)["s1"] == "again"


def test_a_student_who_leaves_has_no_fiche_and_keeps_the_hand_over(
    unit: UnitOfWork, build_school: Build, tmp_path: Path
) -> None:
    student = student_id(unit.session, "s5")
    (recorded,) = hand_over(unit, "s5").hand_over_ids
    ended = correction(2, students=[["s5", SCHOOL, "4B", "Claes", "Di", "1000005", ""]])
    ended.add_column("students.csv", "enrolment", "ended")
    deliver(unit, ended, tmp_path)
    build_school()
    assert "s5" not in states(unit)
    assert counts(unit)["4B"] == (1, 0, 0)
    with pytest.raises(ResourceNotFound):
        list_student_hand_overs(unit, ACCESS, student, EVERYONE)
    with pytest.raises(ResourceNotFound):
        withdraw_hand_overs(unit, ACCESS, [recorded])
    with pytest.raises(ResourceNotFound):
        hand_over(unit, "s5")
    assert unit.session.scalar(select(HandOver.student_id)) == student


def test_a_student_who_moves_gets_the_fiche_of_the_new_class_group(
    unit: UnitOfWork, build_school: Build, tmp_path: Path
) -> None:
    hand_over(unit, class_group="4B")
    moved = correction(2, students=[["s3", SCHOOL, "4A", "Maes", "Bo", "1000003", ""]])
    deliver(unit, moved, tmp_path)
    build_school()
    assert states(unit) == {"s2": "open", "s3": "again", "s1": "open", "s5": "done"}
    assert counts(unit) == {"4A": (2, 0, 1), "4B": (0, 1, 0)}


def test_a_student_of_two_schools_gets_a_fiche_of_each(
    unit: UnitOfWork, build_school: Build
) -> None:
    hand_over(unit, class_group="4B")
    build_school(school_id=OTHER)
    access = school_request(OTHER)
    page = list_fiches(unit, access, Cohort(OTHER), HandOverState.OPEN, EVERYONE)
    assert {row.student.delivered_as for row in page.rows} == {"s4", "s5"}


@pytest.mark.usefixtures("build_school")
def test_one_student_without_a_fiche_is_enough_to_record_nothing(unit: UnitOfWork) -> None:
    foreign = student_id(unit.session, "s4", OTHER)
    own = student_id(unit.session, "s1")
    for student_ids in ([own, foreign], [own, UUID(int=1)], [foreign]):
        with pytest.raises(ResourceNotFound):
            hand_over(unit, student_ids=student_ids)
    for class_group in ("4Z", "2A"):
        with pytest.raises(ResourceNotFound):
            hand_over(unit, class_group=class_group)
    assert unit.session.scalars(select(HandOver)).all() == []


@pytest.mark.usefixtures("build_school")
def test_hand_overs_close_with_the_window_without_the_help_of_policies(unit: UnitOfWork) -> None:
    """The connection of the test owns the tables, so that no row policy applies."""
    student = student_id(unit.session, "s1")
    recorded = hand_over(unit, class_group="4A").hand_over_ids
    unit.session.execute(delete(ReleaseWindow))
    assert (states(unit), counts(unit)) == ({}, {})
    assert list_student_hand_overs(unit, ACCESS, student, EVERYONE).rows == []
    for selected in ({"class_group": "4A"}, {"student_ids": [student]}):
        with pytest.raises(ResourceNotFound):
            hand_over(unit, **selected)
    with pytest.raises(ResourceNotFound):
        withdraw_hand_overs(unit, ACCESS, recorded)


@pytest.mark.usefixtures("build_school")
def test_a_day_lies_between_the_tests_and_today(unit: UnitOfWork) -> None:
    for day in ("2024-04-23", "2999-01-01"):
        with pytest.raises(InvalidInput, match="from the tests"):
            hand_over(unit, "s1", handed_over_on=date.fromisoformat(day))
    hand_over(unit, "s1", handed_over_on=date.fromisoformat("2024-06-21"))
    recorded = unit.session.scalars(select(HandOver)).one()
    assert recorded.handed_over_on == date.fromisoformat("2024-06-21")
    assert recorded.recorded_at.date() > date.fromisoformat("2024-06-21")


@pytest.mark.usefixtures("build_school")
def test_a_class_group_or_students_are_handed_over_to(unit: UnitOfWork) -> None:
    with pytest.raises(InvalidInput, match="one of the two"):
        hand_over(unit)
    with pytest.raises(InvalidInput, match="one of the two"):
        hand_over(unit, "s1", class_group="4A")
