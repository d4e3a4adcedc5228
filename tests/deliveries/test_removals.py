"""A full delivery that removes too much is refused, unless the number is allowed."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent
from shared.audit.service import append_pending
from shared.deliveries.removal_check import MAX_COUNTED_REFUSALS, RemovalLimit
from shared.results.models import Result
from shared.students.models import Student
from tests.deliveries.delivery_files import DeliveryFiles, full, places, run_import, table_contents
from tests.deliveries.delivery_rows import count, import_applied

SCHOOLS, PER_SCHOOL = 10, 6


def country(sequence: int = 1, per_school: int = PER_SCHOOL) -> DeliveryFiles:
    """Return a full delivery of ten schools with equally many students, each with two results."""
    delivery = full(sequence)
    for file in ("schools.csv", "class_groups.csv", "students.csv", "results.csv"):
        del delivery.rows[file][1:]
    del delivery.rows["item_results.csv"]
    for school in range(100, 100 + SCHOOLS):
        delivery.add("schools.csv", f"000{school}", "De Wilg", "Genk", "211", "", "")
        delivery.add("class_groups.csv", f"000{school}", "4A", "LO4", "", "")
        for number in range(per_school):
            student = f"s{school}-{number}"
            row = (student, f"000{school}", "4A", "Peeters", "An", "", "")
            delivery.add("students.csv", *row)
            for component in ("LEZ4", "WIS4"):
                delivery.add("results.csv", student, component, "reported", "C", "")
    return delivery


def without(delivery: DeliveryFiles, *students: str, files: tuple[str, ...]) -> DeliveryFiles:
    for file in files:
        rows = delivery.rows[file]
        delivery.rows[file] = [row for row in rows if row[0] not in students]
    return delivery


def students_of(*schools: int, numbers: range = range(PER_SCHOOL)) -> list[str]:
    return [f"s{school}-{number}" for school in schools for number in numbers]


def import_second(
    session: Session, delivery: DeliveryFiles, path: Path, limit: RemovalLimit | None = None
) -> dict[str, Any]:
    """Import the second delivery, after the country; a refused one must change nothing."""
    import_applied(session, country(), path)
    before = table_contents(session)
    outcome = run_import(session, delivery.write(path / "second"), removals=limit)
    if outcome.status == "refused":
        assert places(outcome) == [("tooMuchRemoved", "delivery.json", None, "allowRemovals")]
        assert table_contents(session) == before
    return {"status": outcome.status, "id": outcome.delivery_id, **outcome.report}


ALL = students_of(*range(100, 110))
BOTH = ("students.csv", "results.csv")
REFUSED: dict[str, tuple[list[str], tuple[str, ...], str]] = {
    "students.csv and results.csv are cut short": (
        ALL[7:],
        BOTH,
        "53 of 60 students, in 9 of 10 schools",
    ),
    "results.csv is cut short": (ALL[30:], ("results.csv",), "30 of 60 students, in 5 of 10"),
    "a tenth of the country, in every school one and in one two": (
        [*students_of(*range(100, 110), numbers=range(1)), "s100-1"],
        BOTH,
        "11 of 60 students, in 10 of 10 schools",
    ),
    "a school loses all": (students_of(103), BOTH, "6 of 60 students, in 1 of 10 schools"),
    "a school loses all results": (
        students_of(103),
        ("results.csv",),
        "6 of 60 students, in 1 of 10 schools",
    ),
    "a school loses half": (
        students_of(103, numbers=range(3)),
        BOTH,
        "3 of 60 students, in 1 of 10 schools",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_delivery_that_removes_too_much_is_refused(
    session: Session, tmp_path: Path, name: str
) -> None:
    gone, files, counts = REFUSED[name]

    report = import_second(session, without(country(2), *gone, files=files), tmp_path)

    assert report["status"] == "refused"
    (fault,) = report["faults"]
    assert fault["detail"].startswith(counts)
    assert "allowRemovals" in fault["remedy"]
    assert "--allow-removals" in fault["remedy"]
    assert not any(secret in str(report) for secret in ("s100", "000100", "Peeters"))


@pytest.mark.parametrize(
    "gone", [["s100-0"], ["s100-0", "s101-0", "s102-5"], ["s100-0", "s100-1"]], ids=len
)
def test_small_school_can_lose_a_student(session: Session, tmp_path: Path, gone: list[str]) -> None:
    report = import_second(session, without(country(2), *gone, files=BOTH), tmp_path)

    assert report["status"] == "applied"
    assert report["changes"]["students"]["removed"] == len(gone)


def test_only_student_of_a_school_is_all_of_it(session: Session, tmp_path: Path) -> None:
    import_applied(session, country(per_school=1), tmp_path)

    smaller = without(country(2, per_school=1), "s100-0", files=BOTH)

    assert run_import(session, smaller.write(tmp_path / "second")).status == "refused"


def test_withdrawn_results_are_not_missing(session: Session, tmp_path: Path) -> None:
    delivery = country(2)
    for row in delivery.rows["results.csv"]:
        if row[0] in students_of(103):
            row[2:4] = "withdrawn", ""

    report = import_second(session, delivery, tmp_path)

    assert report["status"] == "applied"
    assert report["changes"]["results"]["removed"] == 12


@pytest.mark.parametrize(("allowed", "status"), [(53, "applied"), (52, "refused"), (0, "refused")])
def test_number_in_the_manifest_is_the_limit(
    session: Session, tmp_path: Path, allowed: int, status: str
) -> None:
    delivery = without(country(2), *ALL[7:], files=BOTH)
    delivery.manifest |= {"formatVersion": "1.1", "allowRemovals": allowed}

    report = import_second(session, delivery, tmp_path)

    assert report["status"] == status
    if status == "applied":
        assert report["changes"]["students"] == {"added": 0, "changed": 0, "removed": 53}
        assert count(session, Student, Student.removed_at.is_(None)) == 7


def test_option_replaces_the_number_in_the_manifest(session: Session, tmp_path: Path) -> None:
    delivery = without(country(2), *ALL[7:], files=BOTH)
    delivery.manifest |= {"formatVersion": "1.1", "allowRemovals": 3}

    report = import_second(session, delivery, tmp_path, RemovalLimit(allowed=53))

    assert report["status"] == "applied"


def test_share_is_a_setting(session: Session, tmp_path: Path) -> None:
    delivery = without(country(2), *students_of(103, numbers=range(3)), files=BOTH)

    assert import_second(session, delivery, tmp_path, RemovalLimit(0.5))["status"] == "applied"


def test_no_student_may_disappear_if_none_is_allowed(session: Session, tmp_path: Path) -> None:
    delivery = without(country(2), "s100-0", files=BOTH)

    report = import_second(session, delivery, tmp_path, RemovalLimit(allowed=0))

    assert report["status"] == "refused"


def test_refusal_is_in_the_audit_log(session: Session, tmp_path: Path) -> None:
    report = import_second(session, without(country(2), *ALL[7:], files=BOTH), tmp_path)

    append_pending(session)
    (event,) = session.query(AuditEvent).filter_by(outcome="refused").all()
    assert (event.organisation, event.outcome, event.rule) == (None, "refused", "tooMuchRemoved")
    assert event.resource == f"/v1/deliveries/{report['id']}"
    assert not event.students


def test_repeated_refusals_no_longer_count(session: Session, tmp_path: Path) -> None:
    report = import_second(session, without(country(2), *ALL[7:], files=BOTH), tmp_path)
    for number in range(1, MAX_COUNTED_REFUSALS):
        assert "53" in report["faults"][0]["detail"]
        report = run_import(session, tmp_path / "second").report
        assert report["faultCounts"] == {"tooMuchRemoved": 1}, number

    (fault,) = run_import(session, tmp_path / "second").report["faults"]
    assert "53" not in str(fault)
    session.execute(text("update deliveries set finished_at = now() - interval '25 hours'"))
    assert "53" in str(run_import(session, tmp_path / "second").report["faults"])


def test_report_of_a_correction_counts_the_rows_that_it_names(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, country(), tmp_path)
    results = [row for row in country().rows["results.csv"] if row[0] in {"student", "s100-0"}]
    same = country(2)
    same.manifest["mode"] = "correction"
    same.rows = {"results.csv": [*results, ["s100-1", "LEZ4", "withdrawn", "", ""]]}
    before = count(session, Result, Result.superseded_at.is_(None))

    report = import_applied(session, same, tmp_path).report

    assert report["changes"]["results"] == {"changed": 2, "removed": 1}
    assert report["changes"]["students"] == {"changed": 0, "removed": 0}
    assert count(session, Result, Result.superseded_at.is_(None)) == before - 1
