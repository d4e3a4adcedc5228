"""No report tells an operator more about students than the delivery itself contains."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.deliveries.delivery_files import DeliveryFiles, correction, full, insz, run_import
from tests.deliveries.delivery_rows import import_applied

SCHOOL = ["28", "De Wilg", "Genk", "211", "", ""]
KNOWN, UNKNOWN = insz("850101001"), insz("860101001")


def new_student(stamnummer: str = "", number: str = "") -> DeliveryFiles:
    return correction(2, students=[["s9", "000028", "4A", "Baert", "Eva", stamnummer, number]])


def result(student: str, component: str, *outcome: str) -> DeliveryFiles:
    return correction(2, results=[[student, component, *outcome]])


def item(student: str, component: str) -> DeliveryFiles:
    return correction(2, item_results=[[student, component, "1", "1"]])


def row_of_student(family_name: str, class_group: str, number: str) -> DeliveryFiles:
    row = ["s1", "000028", class_group, family_name, "An", "1000001", number]
    return correction(2, students=[row])


GUESSES: dict[str, tuple[DeliveryFiles, DeliveryFiles]] = {
    "an INSZ": (new_student(number=KNOWN), new_student(number=UNKNOWN)),
    "the INSZ of a student": (
        row_of_student("Peeters", "4A", KNOWN),
        row_of_student("Peeters", "4A", UNKNOWN),
    ),
    "a stamnummer": (new_student("1000001"), new_student("7654321")),
    "the name of a student": (
        row_of_student("Peeters", "4A", KNOWN),
        row_of_student("Maes", "4A", KNOWN),
    ),
    "the class group of a student": (
        row_of_student("Peeters", "4A", KNOWN),
        row_of_student("Peeters", "4B", KNOWN),
    ),
    "a class group": (
        row_of_student("Peeters", "4B", KNOWN),
        row_of_student("Peeters", "4F", KNOWN),
    ),
    "the code of a student": (
        result("s1", "LEZ4", "absent", "", ""),
        result("s7", "LEZ4", "absent", "", ""),
    ),
    "the target group of a student": (
        result("s1", "LEZ4", "absent", "", ""),
        result("s4", "LEZ4", "absent", "", ""),
    ),
    "a level": (
        result("s1", "LEZ4", "reported", "C", "240.50"),
        result("s1", "LEZ4", "reported", "D", "240.50"),
    ),
    "a scale score": (
        result("s1", "LEZ4", "reported", "C", "240.50"),
        result("s1", "LEZ4", "reported", "C", "240.51"),
    ),
    "a status": (result("s3", "LEZ4", "exempt", "", ""), result("s3", "LEZ4", "absent", "", "")),
    "a withdrawn result": (
        result("s1", "WIS4", "withdrawn", "", ""),
        result("s3", "WIS4", "withdrawn", "", ""),
    ),
    "a result by its items": (item("s1", "LEZ4"), item("s3", "WIS4")),
    "results of a class group": (
        correction(2, class_groups=[["000028", "4B", "SO2A", "", ""]]),
        correction(2, class_groups=[["000028", "4F", "SO2A", "", ""]]),
    ),
    "results of a component": (
        correction(2, components=[["LEZ4", "LO4", "nederlands", "Lezen", "1", "false", "SO"]]),
        correction(2, components=[["WIS4", "LO4", "wiskunde", "Rekenen", "2", "false", "SO"]]),
    ),
}
"""Two corrections, of which one makes a guess about the stored rows that is right."""


def outcome_of(session: Session, delivery: DeliveryFiles, path: Path) -> tuple[str, dict[str, Any]]:
    with session.begin_nested() as attempt:
        outcome = run_import(session, delivery.write(path))
        attempt.rollback()
    return outcome.status, outcome.report


@pytest.mark.parametrize("guess", GUESSES)
def test_refused_correction_reports_the_same_for_a_right_and_a_wrong_guess(
    session: Session, tmp_path: Path, guess: str
) -> None:
    """Nobody can probe with a correction that another fault refuses in any case."""
    import_applied(session, full(), tmp_path)
    reports = []
    for number, delivery in enumerate(GUESSES[guess]):
        rows = {**delivery.rows, "schools.csv": [full().rows["schools.csv"][0], SCHOOL]}
        refused = DeliveryFiles(rows, delivery.manifest)
        reports.append(outcome_of(session, refused, tmp_path / str(number)))

    assert reports[0] == reports[1]
    assert reports[0][0] == "refused"
    assert set(reports[0][1]["faultCounts"]) == {"schoolNumber"}


@pytest.mark.parametrize("guess", GUESSES)
def test_report_of_a_correction_has_nothing_of_the_stored_rows(
    session: Session, tmp_path: Path, guess: str
) -> None:
    import_applied(session, full(), tmp_path)
    (first, one), (second, other) = (
        outcome_of(session, delivery, tmp_path / str(number))
        for number, delivery in enumerate(GUESSES[guess])
    )

    if first == second:
        assert one == other
    if guess == "the INSZ of a student":
        # Its guesses are limited: test_identities.py.
        assert (first, second) == ("applied", "refused")
        assert [*other["faultCounts"]] == ["otherStudent"]
        return
    for status, report in ((first, one), (second, other)):
        assert report["warnings"] == []
        if status == "refused":
            (fault,) = report["faults"]
            assert fault.keys() == {"kind", "detail", "remedy"}
            assert report["faultCounts"] == {"contradictsStored": 1}


EQUAL_FOOTPRINTS = (
    "a level",
    "a scale score",
    "a status",
    "the name of a student",
    "the class group of a student",
)


def counts(session: Session) -> dict[str, int]:
    """Return what a login of an operator can count: writes per table, and revisions of schools."""
    written = session.execute(
        text(
            "select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_xact_user_tables"
            " where schemaname = 'public' and relname <> 'deliveries'"
        )
    )
    numbers = {f"{table} {n}": count for table, *row in written for n, count in enumerate(row)}
    revisions = session.execute(text("select school_id, facts_revision from participations"))
    events = session.execute(
        text(
            "select organisation, count(*), sum(cardinality(students)) from audit_events"
            " where action = 'importDelivery' group by organisation"
        )
    )
    numbers |= {row.school_id: row.facts_revision for row in revisions}
    return numbers | {f"{school} {n}": x for school, *row in events for n, x in enumerate(row)}


@pytest.mark.parametrize("guess", EQUAL_FOOTPRINTS)
def test_applied_correction_writes_the_same_rows_for_a_right_and_a_wrong_guess(
    session: Session, tmp_path: Path, guess: str
) -> None:
    import_applied(session, full(), tmp_path)
    footprints = []
    for number, delivery in enumerate(GUESSES[guess]):
        before = counts(session)
        with session.begin_nested() as attempt:
            outcome = run_import(session, delivery.write(tmp_path / str(number)))
            after = counts(session)
            attempt.rollback()
        assert outcome.status == "applied", outcome.report
        footprints.append({name: n - before.get(name, 0) for name, n in after.items()})

    assert footprints[0] == footprints[1]
    assert any(footprints[0].values())
