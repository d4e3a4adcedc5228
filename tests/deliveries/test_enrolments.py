"""An enrolment that a delivery ends is gone in the step that applies the delivery."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.core.database import Sessions
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import ItemResult, Result
from shared.schools.models import Participation
from shared.students.models import Student
from shared.students.repository import Cohort, page_of_students
from tests.deliveries.delivery_files import (
    DeliveryFiles,
    correction,
    full,
    import_refused,
    run_import,
)
from tests.deliveries.delivery_rows import count, current_results, import_applied, items

OLD, NEW = "000028", "007947"
S1 = ["Peeters", "An", "", ""]
MOVES = 6


def enrolments(sequence: int, *rows: list[str], mode: str = "correction") -> DeliveryFiles:
    """Return a delivery of format 1.1 with these rows of students; each ends with `enrolment`.

    A full delivery lacks the other rows of these students.
    """
    delivery = full(sequence) if mode == "full" else correction(sequence, students=[])
    delivery.add_column("students.csv", "enrolment")
    replaced = {row[0] for row in rows}
    kept = [row for row in delivery.rows["students.csv"] if row[0] not in replaced]
    delivery.rows["students.csv"] = [*kept, *rows]
    return delivery


def moved(sequence: int, *, mode: str = "correction", back: bool = False) -> DeliveryFiles:
    """Return a delivery by which s1 moves to the other school, or back."""
    states = ("active", "ended") if back else ("ended", "active")
    return enrolments(
        sequence,
        ["s1", OLD, "4A", *S1, states[0]],
        ["s1", NEW, "4C", *S1, states[1]],
        mode=mode,
    )


def listed(session: Session, school: str) -> set[str]:
    session.expire_all()
    rows = page_of_students(session, Cohort(school, "2024"), PageSelection(100)).rows
    return {row.student.delivered_as for row in rows}


@pytest.mark.parametrize("mode", ["correction", "full"])
def test_ended_enrolment_leaves_nothing_in_the_school(
    session: Session, tmp_path: Path, mode: str
) -> None:
    import_applied(session, full(), tmp_path)
    revision = session.get_one(Participation, ("2024", OLD)).facts_revision
    ended = enrolments(2, ["s5", OLD, "4B", "Claes", "Di", "", "", "ended"], mode=mode)
    if mode == "full":
        active = ["s5", NEW, "4C", "Claes", "Di", "1000005", "", ""]
        ended.rows["students.csv"].append(active)

    report = import_applied(session, ended, tmp_path).report

    assert listed(session, OLD) == {"s1", "s2", "s3"}
    assert listed(session, NEW) == {"s4", "s5"}
    assert [row[:3] for row in current_results(session) if row[0] == "s5"] == [("s5", NEW, "LEZ4")]
    assert [row[:2] for row in items(session) if row[0] == "s5"] == [("s5", NEW)]
    assert session.get_one(Participation, ("2024", OLD)).facts_revision > revision
    assert report["changes"]["students"]["removed"] == 1


@pytest.mark.parametrize("mode", ["correction", "full"])
def test_move_takes_results_and_items_along(session: Session, tmp_path: Path, mode: str) -> None:
    import_applied(session, full(), tmp_path)
    before = [row[2:] for row in current_results(session) if row[0] == "s1"]

    import_applied(session, moved(2, mode=mode), tmp_path)

    after = [row for row in current_results(session) if row[0] == "s1"]
    assert {row[1] for row in after} == {NEW}
    assert [row[2:] for row in after] == before
    assert [row[1:] for row in items(session) if row[0] == "s1"] == [
        (NEW, "LEZ4", ["1", "2"], [True, False])
    ]


def test_student_who_moves_back_has_the_earlier_row(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    before = current_results(session), items(session)
    identity = session.scalar(select(Student.id).where(Student.delivered_as == "s1"))
    import_applied(session, moved(2), tmp_path)
    import_applied(session, moved(3, back=True), tmp_path)

    assert (current_results(session), items(session)) == before
    assert listed(session, OLD) == {"s1", "s2", "s3", "s5"}
    stored = select(Student.id).where(Student.delivered_as == "s1", Student.school_id == OLD)
    assert session.scalar(stored) == identity


def test_new_results_of_a_student_who_moves_are_those_of_the_new_school(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    delivery = moved(2)
    delivery.rows["results.csv"] = [
        full().rows["results.csv"][0],
        ["s1", "LEZ4", "reported", "E", "101"],
        ["s1", "WIS4", "withdrawn", "", ""],
    ]

    import_applied(session, delivery, tmp_path)

    found = [row for row in current_results(session) if row[0] == "s1"]
    assert found == [("s1", NEW, "LEZ4", "reported", "E", 101.0)]


def test_ended_enrolment_of_a_full_delivery_is_no_unexpected_removal(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    rows = [
        [row[0], OLD, row[2], *row[3:6], "", "ended"]
        for row in full().rows["students.csv"][1:]
        if row[1] == OLD and row[0] != "s5"
    ]
    delivery = enrolments(2, *rows, mode="full")
    delivery.manifest["allowRemovals"] = 0
    for file in ("results.csv", "item_results.csv"):
        gone = {row[0] for row in rows}
        delivery.rows[file] = [row for row in delivery.rows[file] if row[0] not in gone]

    import_applied(session, delivery, tmp_path)

    assert listed(session, OLD) == {"s5"}


def test_result_of_a_student_without_an_enrolment_is_refused(
    session: Session, tmp_path: Path
) -> None:
    delivery = enrolments(2, ["s3", OLD, "4B", "Maes", "Bo", "", "", "ended"], mode="full")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("danglingReference", "results.csv", 6, "student")]


def test_enrolment_that_is_active_and_ended_is_refused(session: Session, tmp_path: Path) -> None:
    delivery = enrolments(
        2, ["s1", OLD, "4A", *S1, "active"], ["s1", OLD, "4A", *S1, "ended"], mode="full"
    )

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("duplicateKey", "students.csv", 8, "enrolment")]
    assert "line 7" in report["faults"][0]["detail"]


def test_unknown_state_of_an_enrolment_is_refused(session: Session, tmp_path: Path) -> None:
    delivery = enrolments(2, ["s1", OLD, "4A", *S1, "moved"], mode="full")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("invalidValue", "students.csv", 7, "enrolment")]


def test_end_of_an_ended_enrolment_changes_nothing(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    ended = ["s1", OLD, "4A", *S1, "ended"]
    import_applied(session, enrolments(2, ended), tmp_path)
    import_applied(session, enrolments(3, ended), tmp_path)

    assert listed(session, OLD) == {"s2", "s3", "s5"}
    student = session.scalars(select(Student).where(Student.delivered_as == "s1")).one()
    assert count(session, Result, Result.student_id == student.id) == 2
    current = (Result.student_id == student.id, Result.superseded_at.is_(None))
    assert count(session, Result, *current) == 0
    assert count(session, ItemResult, ItemResult.student_id == student.id) == 0


SEEN = text("""
    select p.school_id, count(r.id) as results from students p
    join participations t on t.administration_id = p.administration_id and t.school_id = p.school_id
    left join results r on r.student_id = p.id and r.superseded_at is null
    where p.delivered_as = 's1' and p.removed_at is null group by p.school_id
""")


@contextmanager
def reading(sessions: Sessions) -> Iterator[list[dict[str, int]]]:
    """Read, until the block ends, the schools of s1 with the number of results there."""
    seen: list[dict[str, int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with UnitOfWork(sessions) as unit:
                rows = unit.session.execute(SEEN)
                seen.append({row.school_id: row.results for row in rows})

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def test_no_reader_sees_a_student_who_moves_in_both_schools_or_in_none(
    sessions: Sessions, tmp_path: Path
) -> None:
    def apply(delivery: DeliveryFiles) -> None:
        path = delivery.write(tmp_path / str(delivery.manifest["sequence"]))
        with UnitOfWork(sessions) as unit:
            assert run_import(unit.session, path).status == "applied"

    apply(full())
    with reading(sessions) as seen:
        for sequence in range(2, 2 + MOVES):
            mode = "correction" if sequence % 4 < 2 else "full"
            if mode == "full":
                apply(moved(sequence, mode=mode, back=sequence % 2 == 1))
            else:
                apply(moved(sequence, back=sequence % 2 == 1))

    assert {tuple(one.items()) for one in seen} == {((OLD, 2),), ((NEW, 2),)}
    assert len(seen) > MOVES
