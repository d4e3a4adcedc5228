"""A student code stands for one person, within a delivery and compared with what is stored."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent
from shared.audit.service import append_pending
from shared.deliveries.identity_checks import MAX_REFUSALS
from shared.deliveries.insz import hash_insz
from shared.students.models import Student
from tests.deliveries.delivery_files import (
    INSZ_KEY,
    DeliveryFiles,
    correction,
    full,
    import_refused,
    insz,
    places,
    run_import,
    table_contents,
)
from tests.deliveries.delivery_rows import import_applied

STORED, OTHER, BIS = insz("850101001"), insz("860101001"), insz("854101001")
AN = ["s1", "000028", "4A", "Peeters", "An", "1000001"]
DI_IN_BOTH = [["s5", "000028", "4B", "Claes", "Di", ""], ["s5", "007947", "4C", "Claes", "Di", ""]]


def students(sequence: int, *rows: list[str]) -> DeliveryFiles:
    """Return a correction of format 1.1; each row ends with the INSZ and the previous one."""
    delivery = correction(sequence, students=[])
    delivery.add_column("students.csv", "previous_insz")
    delivery.rows["students.csv"] += rows
    return delivery


def hashes(session: Session, student: str) -> set[bytes | None]:
    session.expire_all()
    return set(session.scalars(select(Student.insz_hash).where(Student.delivered_as == student)))


def refusal(session: Session, delivery: DeliveryFiles, path: Path) -> list[tuple[Any, ...]]:
    before = table_contents(session)
    outcome = run_import(session, delivery.write(path / "refused"))
    assert outcome.status == "refused"
    assert table_contents(session) == before
    return places(outcome)


def test_code_of_two_students_of_a_delivery_is_refused(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("students.csv", 7, "insz", OTHER)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("codeOfTwoStudents", "students.csv", 7, "insz")]
    assert "line 6" in report["faults"][0]["detail"]
    assert "value" not in report["faults"][0] or report["faults"][0]["value"] == "s5"


@pytest.mark.parametrize("mode", ["full", "correction"])
def test_stored_code_of_somebody_else_is_refused_and_recorded(
    session: Session, tmp_path: Path, mode: str
) -> None:
    import_applied(session, full(), tmp_path)
    delivery = full(2)
    delivery.set("students.csv", 2, "insz", OTHER)
    if mode == "correction":
        delivery = students(2, [*AN, OTHER, ""])

    assert refusal(session, delivery, tmp_path) == [("otherStudent", "students.csv", 2, "insz")]

    append_pending(session)
    events = session.scalars(select(AuditEvent).where(AuditEvent.rule == "otherStudent")).all()
    assert [(event.action, event.outcome) for event in events] == [("importDelivery", "refused")]


def test_refusal_tells_that_the_code_stands_for_somebody_else_and_no_more(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    outcome = run_import(session, students(2, [*AN, OTHER, ""]).write(tmp_path / "second"))

    (fault,) = outcome.report["faults"]
    assert fault["detail"] == "The student code stands for somebody else."
    assert "value" not in fault
    assert outcome.report["warnings"] == []


@pytest.mark.parametrize("mode", ["full", "correction"])
def test_number_that_changed_is_applied_with_the_previous_one(
    session: Session, tmp_path: Path, mode: str
) -> None:
    first = full()
    first.set("students.csv", 2, "insz", BIS)
    import_applied(session, first, tmp_path)
    delivery = full(2)
    delivery.add_column("students.csv", "previous_insz")
    delivery.set("students.csv", 2, "previous_insz", BIS)
    if mode == "correction":
        delivery = students(2, [*AN, STORED, BIS])

    import_applied(session, delivery, tmp_path)

    assert hashes(session, "s1") == {hash_insz(INSZ_KEY, STORED)}
    assert refusal(session, students(3, [*AN, BIS, ""]), tmp_path)


def test_wrong_previous_number_is_refused(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)

    delivery = students(2, [*AN, OTHER, BIS])

    assert refusal(session, delivery, tmp_path) == [("otherStudent", "students.csv", 2, "insz")]


def test_number_changes_in_every_school_of_the_student(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    changed = students(2, [*DI_IN_BOTH[0], OTHER, insz("850101007")])

    import_applied(session, changed, tmp_path)

    assert hashes(session, "s5") == {hash_insz(INSZ_KEY, OTHER)}


def test_empty_number_leaves_the_stored_one(session: Session, tmp_path: Path) -> None:
    """Otherwise two corrections could do what one cannot."""
    import_applied(session, full(), tmp_path)
    import_applied(session, students(2, [*AN, "", ""]), tmp_path)

    assert hashes(session, "s1") == {hash_insz(INSZ_KEY, STORED)}
    assert refusal(session, students(3, [*AN, OTHER, ""]), tmp_path)


def test_other_school_of_a_stored_code_is_compared(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    second = ["s1", "007947", "4C", "Peeters", "An", ""]

    assert refusal(session, students(2, [*second, OTHER, ""]), tmp_path)
    import_applied(session, students(2, [*second, STORED, ""]), tmp_path)


def test_code_of_a_removed_student_is_not_given_to_another(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    shorter = full(2)
    shorter.remove("students.csv", 4)
    shorter.remove("students.csv", 2)
    for file in ("results.csv", "item_results.csv"):
        shorter.rows[file] = [row for row in shorter.rows[file] if row[0] not in {"s1", "s3"}]
    import_applied(session, shorter, tmp_path)

    again = full(3)
    again.set("students.csv", 2, "insz", OTHER)

    assert refusal(session, again, tmp_path) == [("otherStudent", "students.csv", 2, "insz")]


def test_codes_of_two_students_that_are_stored_can_be_separated(
    session: Session, tmp_path: Path
) -> None:
    """Such codes were stored before they were compared."""
    import_applied(session, full(), tmp_path)
    number = {"hash": hash_insz(INSZ_KEY, OTHER)}
    where = "delivered_as = 's5' and school_id = '007947'"
    session.execute(text(f"update students set insz_hash = :hash where {where}"), number)
    separated = full(2)
    separated.set("students.csv", 7, "student", "s6")
    separated.set("students.csv", 7, "insz", OTHER)

    import_applied(session, separated, tmp_path)


def test_guesses_of_a_client_are_limited(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    wrong = students(2, [*AN, OTHER, ""])
    for _ in range(MAX_REFUSALS):
        assert refusal(session, wrong, tmp_path) == [("otherStudent", "students.csv", 2, "insz")]

    for number in (OTHER, STORED):
        delivery = students(2, [*AN, number, ""])
        limited = [("tooManyRefusals", "students.csv", None, "insz")]
        assert refusal(session, delivery, tmp_path) == limited
    import_applied(session, students(2, [*AN, "", ""]), tmp_path)

    session.execute(text("update deliveries set finished_at = finished_at - interval '1 day'"))
    import_applied(session, students(3, [*AN, STORED, ""]), tmp_path)


def test_one_refusal_names_few_lines(session: Session, tmp_path: Path) -> None:
    first, second = full(), full(2)
    for number in range(30):
        row = [f"x{number}", "000028", "4A", "Baert", "Eva", ""]
        first.add("students.csv", *row, insz(f"8602010{number:02}"))
        second.add("students.csv", *row, insz(f"8603010{number:02}"))
    import_applied(session, first, tmp_path)

    assert len(refusal(session, second, tmp_path)) == 10


PREVIOUS = {
    "without a number": (["", BIS], "previousInszAlone"),
    "equal to the number": ([STORED, STORED], "previousInszEqual"),
}


@pytest.mark.parametrize("name", PREVIOUS)
def test_previous_number_without_another_is_refused(
    session: Session, tmp_path: Path, name: str
) -> None:
    numbers, kind = PREVIOUS[name]
    import_applied(session, full(), tmp_path)

    refused = refusal(session, students(2, [*AN, *numbers]), tmp_path)

    assert refused == [(kind, "students.csv", 2, "previous_insz")]


def test_previous_number_is_stored_as_a_hash_only(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    wrong = students(2, [*AN, OTHER, f"{STORED[:9]}98"])

    assert refusal(session, wrong, tmp_path) == [("inszCheck", "students.csv", 2, "previous_insz")]
