"""Later deliveries: corrections, withdrawals and full replacements; the history is kept."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.results.models import ItemResult, Result, ScaleScore
from shared.schools.models import Participation, School
from shared.students.models import Student
from tests.deliveries.delivery_files import (
    correction,
    full,
    insz,
    table_contents,
)
from tests.deliveries.delivery_rows import count, current_results, import_applied, items


def test_correction_supersedes_the_result_and_keeps_the_history(
    session: Session, tmp_path: Path
) -> None:
    first = import_applied(session, full(), tmp_path)
    unchanged = (
        session.execute(
            select(Result.id)
            .join(Student, Student.id == Result.student_id)
            .where(Student.delivered_as != "s1")
        )
        .scalars()
        .all()
    )

    second = import_applied(
        session, correction(2, results=[["s1", "LEZ4", "reported", "D", "199"]]), tmp_path
    )

    assert current_results(session)[0] == ("s1", "000028", "LEZ4", "reported", "D", 199.0)
    superseded = session.execute(
        select(Result).where(Result.superseded_at.is_not(None))
    ).scalar_one()
    assert superseded.delivery_id == first.delivery_id
    assert superseded.superseded_by_delivery_id == second.delivery_id
    score = session.get(ScaleScore, superseded.id)
    assert score is not None
    assert float(score.score) == 240.5
    current = session.execute(select(Result.id).where(Result.superseded_at.is_(None))).scalars()
    assert set(unchanged) < set(current)


def test_correction_writes_a_result_that_is_equal_to_the_stored_one(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    before, versions = current_results(session), count(session, Result)

    same = correction(2, results=[["s1", "LEZ4", "reported", "C", "240.5"]])
    import_applied(session, same, tmp_path)

    assert current_results(session) == before
    assert count(session, Result) == versions + 1


def test_changed_score_is_a_change(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)

    import_applied(session, correction(2, results=[["s1", "LEZ4", "reported", "C", ""]]), tmp_path)

    assert current_results(session)[0] == ("s1", "000028", "LEZ4", "reported", "C", None)


def test_withdrawn_result_and_its_items_are_removed_in_every_school(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)

    withdrawal = correction(2, results=[["s5", "LEZ4", "withdrawn", "", ""]])
    import_applied(session, withdrawal, tmp_path)

    assert "s5" not in {row[0] for row in current_results(session) + items(session)}
    assert count(session, Result, Result.superseded_at.is_not(None)) == 2


def test_withdrawing_a_missing_result_changes_nothing(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    before = table_contents(session)

    withdrawal = correction(2, results=[["s3", "WIS4", "withdrawn", "", ""]])
    import_applied(session, withdrawal, tmp_path)

    after = table_contents(session)
    assert after.pop("participations") != before.pop("participations")
    named = [contents.pop("students") for contents in (before, after)]
    without_revision = [[row.rpartition(",")[0] for row in rows] for rows in named]
    assert without_revision[0] == without_revision[1]
    assert named[0] != named[1]  # the revision of the delivery that names the student
    assert after == before


def test_correction_merges_item_results(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)

    corrected = [["s1", "LEZ4", "3", "1"], ["s1", "LEZ4", "2", "1"], ["s2", "LEZ4", "1", "1"]]
    import_applied(session, correction(2, item_results=corrected), tmp_path)

    assert items(session)[:2] == [
        ("s1", "000028", "LEZ4", ["1", "2", "3"], [True, True, True]),
        ("s2", "000028", "LEZ4", ["1"], [True]),
    ]
    assert len(items(session)) == 5


def test_correction_adds_a_student(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)

    import_applied(
        session,
        correction(
            2,
            students=[["s6", "000028", "4A", "Baert", "Eva", "1000006", ""]],
            results=[["s6", "WIS4", "reported", "E", ""]],
        ),
        tmp_path,
    )

    assert current_results(session)[-1] == ("s6", "000028", "WIS4", "reported", "E", None)
    assert count(session, Student, Student.removed_at.is_(None)) == 7


def test_correction_that_adds_an_enrolment_copies_the_results(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)

    enrolment = [["s1", "007947", "4C", "Peeters", "An", "1000007", insz("850101001")]]
    import_applied(session, correction(2, students=enrolment), tmp_path)

    assert [row for row in current_results(session) if row[0] == "s1" and row[1] == "007947"] == [
        ("s1", "007947", "LEZ4", "reported", "C", 240.5),
        ("s1", "007947", "WIS4", "absent", None, None),
    ]
    assert ("s1", "007947", "LEZ4", ["1", "2"], [True, False]) in items(session)


def test_correction_moves_a_student_and_withdraws_the_old_results(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)

    import_applied(
        session,
        correction(
            2,
            students=[["s4", "007947", "4C", "Wouters", "Cy", "1000001", ""]],
            results=[
                ["s4", "LEZ2", "withdrawn", "", ""],
                ["s4", "WIS4", "reported", "D", ""],
            ],
        ),
        tmp_path,
    )

    assert [row[2:4] for row in current_results(session) if row[0] == "s4"] == [
        ("WIS4", "reported")
    ]


def test_full_delivery_removes_missing_rows(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    smaller = full(2)
    smaller.manifest |= {"formatVersion": "1.1", "allowRemovals": 3}
    smaller.remove("schools.csv", 3)
    del smaller.rows["class_groups.csv"][3:]
    for line in (7, 5, 4):
        smaller.remove("students.csv", line)
    for line in (7, 6):
        smaller.remove("results.csv", line)
    del smaller.rows["item_results.csv"]
    smaller.remove("levels.csv", 6)
    smaller.remove("level_descriptions.csv", 9)

    outcome = import_applied(session, smaller, tmp_path)

    removed = {name: change.get("removed") for name, change in outcome.report["changes"].items()}
    assert removed == {
        "targetGroups": 0,
        "components": 0,
        "levels": 1,
        "levelDescriptions": 1,
        "references": 0,
        "schools": 0,
        "participations": 1,
        "classGroups": 2,
        "students": 3,
        "results": 2,
        "itemResults": 3,
    }
    assert outcome.report["changes"]["results"] == {
        "added": 0,
        "changed": 0,
        "removed": 2,
        "unchanged": 5,
    }
    assert {row[:2] for row in current_results(session)} == {
        ("s1", "000028"),
        ("s2", "000028"),
        ("s5", "000028"),
    }
    assert count(session, School) == 2


def test_restored_row_keeps_its_id(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    before = set(session.execute(select(Student.id)).scalars())
    smaller = full(2)
    smaller.remove("students.csv", 4)
    smaller.remove("results.csv", 6)
    import_applied(session, smaller, tmp_path)
    assert count(session, Student, Student.removed_at.is_not(None)) == 1

    import_applied(session, full(3), tmp_path)

    assert count(session, Student, Student.removed_at.is_not(None)) == 0
    assert set(session.execute(select(Student.id)).scalars()) == before
    assert [row[3] for row in current_results(session) if row[0] == "s3"] == ["exempt"]


def test_full_delivery_does_not_change_equal_rows(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    before = table_contents(session)

    outcome = import_applied(session, full(2), tmp_path)

    assert table_contents(session) == before
    assert outcome.report["changes"]["results"] == {
        "added": 0,
        "changed": 0,
        "removed": 0,
        "unchanged": 7,
    }


def test_other_administration_is_not_changed(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    other = full()
    other.administration = {**(other.administration or {}), "id": "2025"}
    other.manifest |= {"administrationId": "2025", "deliveryId": "other"}
    other.set("schools.csv", 2, "name", "De Nieuwe Wilg")

    import_applied(session, other, tmp_path)

    assert count(session, Student) == 12
    assert count(session, Result, Result.superseded_at.is_(None)) == 16
    names = select(Participation.administration_id, Participation.name).where(
        Participation.school_id == "000028"
    )
    assert {tuple(row) for row in session.execute(names)} == {
        ("2024", "De Wilg"),
        ("2025", "De Nieuwe Wilg"),
    }
    assert session.get_one(School, "000028").name == "De Nieuwe Wilg"


def test_full_delivery_replaces_item_results(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    replaced = full(2)
    replaced.rows["item_results.csv"] = [
        ["student", "component", "item", "correct"],
        ["s1", "LEZ4", "9", "1"],
    ]

    outcome = import_applied(session, replaced, tmp_path)

    assert items(session) == [("s1", "000028", "LEZ4", ["9"], [True])]
    assert outcome.report["changes"]["itemResults"] == {"added": 0, "changed": 1, "removed": 2}
    assert count(session, ItemResult) == 1
