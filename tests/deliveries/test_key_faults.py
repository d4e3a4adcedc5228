"""Duplicate keys, and corrections that contradict stored rows, are reported."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from shared.deliveries.validation import CHECKS
from tests.deliveries.delivery_changes import Place
from tests.deliveries.delivery_files import DeliveryFiles, correction, full, import_refused
from tests.deliveries.test_contradictions import CONTRADICTIONS as COLUMN_CONTRADICTIONS
from tests.deliveries.test_contradictions import DOUBTS
from tests.deliveries.test_look_alikes import LOOK_ALIKES
from tests.deliveries.test_meanings import CHANGED_MEANINGS, OTHER_NAMES
from tests.deliveries.test_references import FAULTS as REFERENCE_FAULTS
from tests.deliveries.test_result_faults import RESULT_FAULTS
from tests.deliveries.test_row_faults import ROW_FAULTS

DUPLICATES: dict[str, tuple[int, Place]] = {
    "target_groups.csv": (3, ("duplicateKey", "target_groups.csv", 4, "target_group")),
    "components.csv": (2, ("duplicateKey", "components.csv", 6, "component")),
    "level_descriptions.csv": (2, ("duplicateKey", "level_descriptions.csv", 10, "component")),
    "schools.csv": (2, ("duplicateKey", "schools.csv", 4, "school")),
    "class_groups.csv": (5, ("duplicateKey", "class_groups.csv", 6, "school")),
    "students.csv": (4, ("duplicateKey", "students.csv", 8, "student")),
    "results.csv": (3, ("duplicateKey", "results.csv", 9, "student")),
    "item_results.csv": (2, ("duplicateKey", "item_results.csv", 7, "item")),
}


@pytest.mark.parametrize("file", DUPLICATES)
def test_duplicate_key_is_reported(session: Session, tmp_path: Path, file: str) -> None:
    line, place = DUPLICATES[file]
    delivery = full(2)
    delivery.rows[file].append(delivery.rows[file][line - 1])

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert f"line {line}" in report["faults"][0]["detail"]


def test_duplicate_level_is_reported(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.add("levels.csv", "SO", "A", "3", "Niveau A", "")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("duplicateKey", "levels.csv", 7, "level_scale")]


CORRECTIONS: dict[str, tuple[DeliveryFiles, Place]] = {
    "unknown level": (
        correction(2, results=[["s1", "LEZ4", "reported", "A", ""]]),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "result of an unknown component": (
        correction(2, results=[["s1", "LEZ9", "absent", "", ""]]),
        ("danglingReference", "results.csv", 2, "component"),
    ),
    "stamnummer of two students of the correction": (
        correction(
            2,
            students=[
                ["s8", "000028", "4A", "A", "B", "1000009", ""],
                ["s9", "000028", "4A", "A", "B", "1000009", ""],
            ],
        ),
        ("duplicateStamnummer", "students.csv", 3, "stamnummer"),
    ),
    "ordinal of another stored level": (
        correction(2, levels=[["LO", "B", "3", "Niveau B", ""]]),
        ("ordinalsNotInOrder", "levels.csv", 2, "ordinal"),
    ),
}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_correction_with_invalid_rows_is_reported(
    session: Session, tmp_path: Path, name: str
) -> None:
    delivery, place = CORRECTIONS[name]

    assert import_refused(session, delivery, tmp_path)["places"] == [place]


def ended_enrolment(*row: str) -> DeliveryFiles:
    delivery = correction(2, students=[[*row, "", ""]])
    delivery.add_column("students.csv", "enrolment", "ended")
    return delivery


CONTRADICTIONS: dict[str, tuple[DeliveryFiles, tuple[str, str, str]]] = {
    "result of an unknown student": (
        correction(2, results=[["s9", "LEZ4", "absent", "", ""]]),
        ("danglingReference", "results.csv", "student"),
    ),
    "result of another target group": (
        correction(2, results=[["s4", "LEZ4", "absent", "", ""]]),
        ("targetGroupMismatch", "results.csv", "component"),
    ),
    "unknown class group": (
        correction(2, students=[["s9", "000028", "4F", "A", "B", "", ""]]),
        ("danglingReference", "students.csv", "class_group"),
    ),
    "stamnummer of another stored student": (
        correction(2, students=[["s9", "000028", "4A", "A", "B", "1000001", ""]]),
        ("duplicateStamnummer", "students.csv", "stamnummer"),
    ),
    "component with results moved to another scale": (
        correction(2, components=[["LEZ4", "LO4", "nederlands", "Lezen", "1", "false", "SO"]]),
        ("contradictsStored", "components.csv", "component"),
    ),
    "class group with results moved to another target group": (
        correction(2, class_groups=[["007947", "2A", "LO4", "", ""]]),
        ("contradictsStored", "class_groups.csv", "target_group"),
    ),
    "student with results moved to another target group": (
        correction(2, students=[["s4", "007947", "4C", "Wouters", "Cy", "", ""]]),
        ("contradictsStored", "students.csv", "class_group"),
    ),
    "end of an unknown enrolment": (
        ended_enrolment("s1", "007947", "4C", "Peeters", "An"),
        ("danglingReference", "students.csv", "enrolment"),
    ),
    "items of an unknown student": (
        correction(2, item_results=[["s9", "LEZ4", "3", "1"]]),
        ("danglingReference", "item_results.csv", "student"),
    ),
    "items of a withdrawn result": (
        correction(
            2,
            results=[["s1", "LEZ4", "withdrawn", "", ""]],
            item_results=[["s1", "LEZ4", "3", "1"]],
        ),
        ("danglingReference", "item_results.csv", "component"),
    ),
}
"""Corrections that do not fit stored rows about students, and the check that finds it."""


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_correction_that_contradicts_stored_rows_is_refused_without_a_place(
    session: Session, tmp_path: Path, name: str
) -> None:
    delivery, _ = CONTRADICTIONS[name]

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("contradictsStored", None, None, None)]
    assert report["faultCounts"] == {"contradictsStored": 1}
    assert report["faults"][0]["remedy"]


TESTED_ELSEWHERE = [
    ("codeOfTwoStudents", "students.csv", 7, "insz"),
    ("previousInszAlone", "students.csv", 2, "previous_insz"),
    ("previousInszEqual", "students.csv", 2, "previous_insz"),
    ("otherName", "students.csv", 7, "family_name"),
    ("duplicateKey", "students.csv", 8, "enrolment"),
    ("newerFormat", "schools.csv", 3, "successor_of"),
    ("unknownItem", "item_results.csv", 3, "item"),
]
"""Faults and warnings with tests in the files of identities, enrolments, versions and meanings."""


def test_every_integrity_check_has_a_test() -> None:
    places = (ROW_FAULTS, RESULT_FAULTS, DUPLICATES, COLUMN_CONTRADICTIONS, DOUBTS)
    tested = [place for some in places for _, place in some.values()]
    tested += [("changedMeaning", row[0], 2, column) for row, column in CHANGED_MEANINGS.values()]
    tested += [("otherName", row[0], 2, column) for row, column in OTHER_NAMES.values()]
    tested += TESTED_ELSEWHERE
    tested += [(kind, "references.csv", None, column) for _, kind, column in REFERENCE_FAULTS]
    tested += [place for _, place in CORRECTIONS.values()]
    tested += [("duplicateKey", "levels.csv", 7, "level_scale")]
    tested += [("inszShared", "students.csv", 4, "insz")]
    tested += [("lookAlike", "class_groups.csv", 6, "class_group")]
    tested += [("lookAlike", file, None, column) for file, (column, _) in LOOK_ALIKES.items()]
    contradicted = {check for _, check in CONTRADICTIONS.values()}

    def names(*, reads_stored: bool) -> set[tuple[str, str, str]]:
        checks = (check for check in CHECKS if check.reads_stored is reads_stored)
        return {(check.kind, check.file.name, check.column) for check in checks}

    assert names(reads_stored=False) <= {(kind, file, column) for kind, file, _, column in tested}
    assert names(reads_stored=True) == contradicted
