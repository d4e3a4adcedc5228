"""References of format 1.1: accepted, refused with the reason, replaced by a full delivery."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.deliveries.delivery_files import (
    DeliveryFiles,
    correction,
    full,
    import_refused,
    run_import,
)

HEADER = ["school", "component", "reference", "level", "indicator", "value", "standard_error"]
HEADER += ["students"]
ROWS = [
    ["", "LEZ4", "flanders", "E", "", "0.25", "", "60000"],
    ["", "LEZ4", "flanders", "D", "", "0.5", "", "60000"],
    ["", "LEZ4", "flanders", "C", "", "2.5e-01", "", "60000"],
    ["", "LEZ4", "flanders", "", "mean", "201.25", "0.5", "60000"],
    ["000028", "LEZ4", "similar", "", "basicLiteracy", "0.8", "", ""],
]
STORED = text("""
    select school_id, component.code, reference, level, indicator, value::text,
        standard_error::text, students
    from delivered_references join components component on component.id = component_id
    where delivered_references.removed_at is null
    order by school_id, reference, indicator, value, level
""")


def with_references(
    sequence: int = 1, *changes: Callable[[DeliveryFiles], object]
) -> DeliveryFiles:
    delivery = full(sequence)
    delivery.manifest["formatVersion"] = "1.1"
    delivery.rows["references.csv"] = [HEADER, *map(list, ROWS)]
    for change in changes:
        change(delivery)
    return delivery


def test_references_are_stored_and_replaced_by_a_full_delivery(
    session: Session, tmp_path: Path
) -> None:
    outcome = run_import(session, with_references().write(tmp_path / "1"))
    assert outcome.status == "applied", outcome.report
    assert outcome.report["changes"]["references"] == {"added": 5, "changed": 0, "removed": 0}
    assert session.execute(STORED).all() == [
        ("", "LEZ4", "flanders", "C", "", "0.25", None, 60000),
        ("", "LEZ4", "flanders", "E", "", "0.25", None, 60000),
        ("", "LEZ4", "flanders", "D", "", "0.5", None, 60000),
        ("", "LEZ4", "flanders", "", "mean", "201.25", "0.5", 60000),
        ("000028", "LEZ4", "similar", "", "basicLiteracy", "0.8", None, None),
    ]
    changed = correction(2)
    changed.manifest["formatVersion"] = "1.1"
    changed.rows["references.csv"] = [HEADER, [*ROWS[3][:5], "200", "", ""]]
    assert run_import(session, changed.write(tmp_path / "2")).status == "applied"
    assert ("", "LEZ4", "flanders", "", "mean", "200", None, None) in session.execute(STORED).all()
    assert run_import(session, full(3).write(tmp_path / "3")).status == "applied"
    assert session.execute(STORED).all() == []


def row(number: int, column: str, value: str) -> Callable[[DeliveryFiles], object]:
    return lambda delivery: delivery.set("references.csv", number + 1, column, value)


FAULTS: list[tuple[Callable[[DeliveryFiles], object], str, str]] = [
    (row(1, "school", "28"), "schoolNumber", "school"),
    (row(5, "school", "111111"), "danglingReference", "school"),
    (row(5, "school", ""), "referenceOfSchool", "school"),
    (row(4, "school", "000028"), "referenceOfSchool", "school"),
    (row(4, "component", "XXX"), "danglingReference", "component"),
    (row(1, "reference", "belgium"), "invalidValue", "reference"),
    (row(1, "level", "Z"), "unknownLevel", "level"),
    (row(1, "indicator", "mean"), "levelOrIndicator", "indicator"),
    (row(4, "indicator", ""), "levelOrIndicator", "indicator"),
    (row(4, "indicator", "median"), "invalidValue", "indicator"),
    (row(5, "value", "1.2"), "shareOutOfRange", "value"),
    (row(5, "value", "-0.1"), "shareOutOfRange", "value"),
    (row(5, "value", "80%"), "invalidValue", "value"),
    (row(5, "value", ""), "missingValue", "value"),
    (row(1, "value", "0.35"), "sharesNotWhole", "value"),
    (lambda delivery: delivery.remove("references.csv", 2), "sharesNotWhole", "value"),
    (row(4, "value", "1e300"), "meanOutOfRange", "value"),
    (row(4, "standard_error", "-1"), "meanOutOfRange", "value"),
    (row(1, "students", "-5"), "invalidValue", "students"),
    (lambda delivery: delivery.add("references.csv", *ROWS[3]), "duplicateKey", "component"),
]
"""A change of the references, with the kind and the column of its fault."""


@pytest.mark.parametrize(("change", "kind", "column"), FAULTS)
def test_references_that_contradict_are_refused(
    session: Session,
    tmp_path: Path,
    change: Callable[[DeliveryFiles], object],
    kind: str,
    column: str,
) -> None:
    report = import_refused(session, with_references(2, change), tmp_path)
    found = {(fault["kind"], fault["file"], fault["column"]) for fault in report["faults"]}
    assert (kind, "references.csv", column) in found


def test_format_1_0_has_no_references(session: Session, tmp_path: Path) -> None:
    delivery = with_references(2)
    delivery.manifest["formatVersion"] = "1.0"
    report = import_refused(session, delivery, tmp_path)
    assert report["places"] == [("newerFormat", "references.csv", None, None)]
