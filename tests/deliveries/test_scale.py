"""Large deliveries: every fault is found, the report and the memory stay bounded."""

import tracemalloc
from pathlib import Path

from sqlalchemy.orm import Session

from synthetic.generate import DeliveryPlan, generate_delivery
from tests.deliveries.delivery_files import (
    DeliveryFiles,
    full,
    insz,
    places,
    run_import,
    table_contents,
)

STUDENTS = 16_700
ROWS = 3 * STUDENTS


def large(student_count: int = 2_000) -> DeliveryFiles:
    """Return a delivery with three results for each of many students."""
    delivery = full()
    delivery.rows["item_results.csv"] = [["student", "component", "item", "correct"]]
    students, results = delivery.rows["students.csv"], delivery.rows["results.csv"]
    del students[1:], results[1:]
    for number in range(student_count):
        students.append([f"s{number}", "000028", "4A", f"N{number}", "V", "", ""])
        results.extend(
            [f"s{number}", component, "reported", "C", "1"]
            for component in ("LEZ4", "WIS4", "KAL4")
        )
    return delivery


def test_one_invalid_row_of_fifty_thousand_is_reported(session: Session, tmp_path: Path) -> None:
    delivery = large(STUDENTS)
    delivery.set("results.csv", 34_567, "level", "Z")
    before = table_contents(session)

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.report["rows"]["results.csv"] == ROWS > 50_000
    assert outcome.status == "refused"
    assert places(outcome) == [("unknownLevel", "results.csv", 34_567, "level")]
    assert table_contents(session) == before


def test_fifty_thousand_faults_are_counted_and_a_thousand_listed(
    session: Session, tmp_path: Path
) -> None:
    delivery = large(STUDENTS)
    for row in delivery.rows["results.csv"][1:]:
        row[2] = "unknown"
    delivery.rows["students.csv"][-1][3:5] = "", ""

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.report["faultCounts"] == {
        "levelWithoutReported": ROWS,
        "missingValue": 1,
        "unknownStatus": ROWS,
    }
    listed = places(outcome)
    assert len(listed) == 1000
    assert listed[0] == ("missingValue", "students.csv", STUDENTS + 1, "family_name")
    assert listed[1:] == sorted(listed[1:], key=lambda place: place[2])
    assert listed[-1][2] == 501


def test_fifty_thousand_broken_lines_are_counted_and_a_thousand_listed(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    delivery.raw["results.csv"] = b"student,component,status\n" + b"s1,LEZ4\n" * ROWS

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.report["faultCounts"]["fieldCount"] == ROWS
    assert len(outcome.report["faults"]) == 1000


def test_insz_shared_by_all_students_has_linear_cost(session: Session, tmp_path: Path) -> None:
    delivery = large()
    for row in delivery.rows["students.csv"][1:]:
        row[6] = insz("000000000")

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.status == "applied"
    assert outcome.report["warningCounts"] == {"inszShared": 2_000 - 1}
    assert len(outcome.report["warnings"]) == 1000


def test_many_duplicate_keys_have_linear_cost(session: Session, tmp_path: Path) -> None:
    delivery = large()
    for file in ("class_groups.csv", "components.csv"):
        delivery.rows[file].extend([delivery.rows[file][1]] * 20_000)

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.report["faultCounts"] == {"duplicateKey": 40_000}


def test_memory_of_an_import_does_not_grow_with_the_delivery(
    session: Session, tmp_path: Path
) -> None:
    peaks = []
    for schools in (2, 40):
        path = tmp_path / str(schools)
        generate_delivery(
            DeliveryPlan(schools=schools, seed=5, administration_id=f"2024-{schools}"), path
        )
        tracemalloc.start()
        assert run_import(session, path).status == "applied"
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 12_000_000
    assert peaks[1] < peaks[0] + 9_000_000
