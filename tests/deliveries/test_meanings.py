"""A code that is stored keeps its meaning in a correction; a full delivery warns of another one."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_files import (
    DeliveryFiles,
    correction,
    full,
    import_refused,
    places,
    run_import,
)
from tests.deliveries.delivery_rows import import_applied

Row = tuple[str, int, list[list[str]]]
"""A file, the line of a row of the small delivery, and rows that replace it and those after it."""

CHANGED_MEANINGS: dict[str, tuple[Row, str]] = {
    "education level of a target group": (
        ("target_groups.csv", 2, [["LO4", "Vierde leerjaar", "secundair", "4", ""]]),
        "target_group",
    ),
    "grade of a target group": (
        ("target_groups.csv", 2, [["LO4", "Vierde leerjaar", "lager", "6", ""]]),
        "target_group",
    ),
    "stream of a target group": (
        ("target_groups.csv", 3, [["SO2A", "Tweede jaar A", "secundair", "2", "B"]]),
        "target_group",
    ),
    "subject of a component": (
        ("components.csv", 2, [["LEZ4", "LO4", "wiskunde", "Lezen", "1", "false", "LO"]]),
        "component",
    ),
    "order of the levels": (
        (
            "levels.csv",
            2,
            [
                ["LO", code, ordinal, f"Niveau {code}", ""]
                for code, ordinal in zip("EDC", "321", strict=True)
            ],
        ),
        "ordinal",
    ),
}
OTHER_NAMES: dict[str, tuple[Row, str]] = {
    "name of a target group": (
        ("target_groups.csv", 2, [["LO4", "Grade 4", "lager", "4", ""]]),
        "name",
    ),
    "name of a component": (
        ("components.csv", 2, [["LEZ4", "LO4", "nederlands", "Schrijven", "1", "false", "LO"]]),
        "name",
    ),
    "label of a level": (("levels.csv", 4, [["LO", "C", "3", "Gevorderd", ""]]), "label"),
    "name and municipality of a school": (
        ("schools.csv", 2, [["000028", "Ter Duinen", "Knokke", "211", "L4", ""]]),
        "name",
    ),
}


def corrected(row: Row) -> DeliveryFiles:
    file, _, rows = row
    return correction(2, **{file.removesuffix(".csv"): rows})


def replaced(row: Row) -> DeliveryFiles:
    file, line, rows = row
    delivery = full(2)
    delivery.rows[file][line - 1 : line - 1 + len(rows)] = rows
    return delivery


@pytest.mark.parametrize("name", CHANGED_MEANINGS)
def test_correction_changes_no_meaning(session: Session, tmp_path: Path, name: str) -> None:
    row, column = CHANGED_MEANINGS[name]

    report = import_refused(session, corrected(row), tmp_path)

    ((kind, file, line, found),) = report["places"]
    assert (kind, file, found) == ("changedMeaning", row[0], column)
    assert line == 1 + len(row[2])
    assert report["faults"][0]["remedy"]


@pytest.mark.parametrize("name", CHANGED_MEANINGS)
def test_full_delivery_that_changes_a_meaning_warns(
    session: Session, tmp_path: Path, name: str
) -> None:
    row, column = CHANGED_MEANINGS[name]
    import_applied(session, full(), tmp_path)

    report = import_applied(session, replaced(row), tmp_path).report

    (warning,) = [one for one in report["warnings"] if one["kind"] == "changedMeaning"]
    assert (warning["file"], warning["column"]) == (row[0], column)


@pytest.mark.parametrize("name", OTHER_NAMES)
@pytest.mark.parametrize("delivered", [corrected, replaced])
def test_name_with_nothing_in_common_is_a_warning_without_names(
    session: Session, tmp_path: Path, name: str, delivered: object
) -> None:
    row, column = OTHER_NAMES[name]
    import_applied(session, full(), tmp_path)

    report = import_applied(
        session, corrected(row) if delivered is corrected else replaced(row), tmp_path
    ).report

    (warning,) = report["warnings"]
    assert (warning["kind"], warning["file"]) == ("otherName", row[0])
    assert warning["column"] == column
    assert "value" not in warning


def test_corrected_name_with_a_word_in_common_is_no_warning(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    renamed = correction(2, schools=[["000028", "Basisschool de wílg", "As", "211", "", ""]])

    assert import_applied(session, renamed, tmp_path).report["warnings"] == []


def test_item_that_the_component_does_not_have_is_a_warning(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    items = [["s2", "LEZ4", "2", "1"], ["s2", "LEZ4", "Q3", "1"], ["s5", "LEZ4", "Q3", "1"]]

    report = import_applied(session, correction(2, item_results=items), tmp_path).report

    (warning,) = report["warnings"]
    assert (warning["kind"], warning["line"], warning["value"]) == ("unknownItem", 3, "Q3")


@pytest.mark.parametrize("mode", ["correction", "full"])
def test_administration_keeps_its_school_year(session: Session, tmp_path: Path, mode: str) -> None:
    import_applied(session, full(), tmp_path)
    delivery = full(2) if mode == "full" else correction(2)
    delivery.administration = {
        **(full().administration or {}),
        "schoolYear": "2024-2025",
        "testedFrom": "2025-04-24",
        "testedUntil": "2025-05-16",
    }

    outcome = run_import(session, delivery.write(tmp_path / "second"))

    if mode == "full":
        assert outcome.report["warningCounts"] == {"changedMeaning": 1}
    else:
        assert places(outcome) == [("changedMeaning", "administration.json", None, "schoolYear")]
