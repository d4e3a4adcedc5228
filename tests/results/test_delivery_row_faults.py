"""Each rule for a row, broken once: the report names the place, and no table has changed."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.results.deliveries.validation import CHECKS
from tests.results.delivery_files import (
    Change,
    DeliveryFiles,
    correction,
    full,
    insz,
    places,
    table_contents,
    take_in,
)


def sets(file: str, line: int, column: str, value: str) -> Change:
    return lambda delivery: delivery.set(file, line, column, value)


def adds(file: str, *values: str) -> Change:
    return lambda delivery: delivery.add(file, *values)


def removes(file: str, line: int) -> Change:
    return lambda delivery: delivery.remove(file, line)


Place = tuple[str, str, int, str | None]

LONG = "x" * 201
BAD_CHECK = f"{insz('850101001')[:9]}98"

ROW_FAULTS: dict[str, tuple[Change, Place]] = {
    "school of five digits": (
        adds("schools.csv", "12345", "Kort", "Gent", "211", "", ""),
        ("schoolNumber", "schools.csv", 4, "school"),
    ),
    "school of five digits in another file": (
        adds("class_groups.csv", "12345", "4A", "LO4", "", ""),
        ("schoolNumber", "class_groups.csv", 6, "school"),
    ),
    "school with a letter": (
        adds("schools.csv", "12345a", "Letter", "Gent", "211", "", ""),
        ("schoolNumber", "schools.csv", 4, "school"),
    ),
    "predecessor that is no school number": (
        sets("schools.csv", 2, "successor_of", "19"),
        ("schoolNumber", "schools.csv", 2, "successor_of"),
    ),
    "school that succeeds itself": (
        sets("schools.csv", 3, "successor_of", "007947"),
        ("successorOfItself", "schools.csv", 3, "successor_of"),
    ),
    "main structure of two digits": (
        sets("schools.csv", 2, "main_structure", "21"),
        ("invalidValue", "schools.csv", 2, "main_structure"),
    ),
    "name beyond its length": (
        sets("students.csv", 2, "family_name", LONG),
        ("valueTooLong", "students.csv", 2, "family_name"),
    ),
    "student code beyond its length": (
        adds("students.csv", "7" * 65, "000028", "4A", "A", "B", "", ""),
        ("valueTooLong", "students.csv", 8, "student"),
    ),
    "description beyond its length": (
        sets("level_descriptions.csv", 3, "text", "t" * 2001),
        ("valueTooLong", "level_descriptions.csv", 3, "text"),
    ),
    "item beyond its length": (
        adds("item_results.csv", "s5", "LEZ4", "i" * 65, "1"),
        ("valueTooLong", "item_results.csv", 7, "item"),
    ),
    "name left empty": (
        sets("students.csv", 3, "given_name", ""),
        ("missingValue", "students.csv", 3, "given_name"),
    ),
    "name of blanks": (
        sets("schools.csv", 3, "name", "  "),
        ("missingValue", "schools.csv", 3, "name"),
    ),
    "item left empty": (
        adds("item_results.csv", "s5", "LEZ4", "", "1"),
        ("missingValue", "item_results.csv", 7, "item"),
    ),
    "item neither right nor wrong": (
        sets("item_results.csv", 3, "correct", "2"),
        ("invalidValue", "item_results.csv", 3, "correct"),
    ),
    "control character in a name": (
        sets("students.csv", 4, "family_name", "Ma\x07es"),
        ("controlCharacter", "students.csv", 4, "family_name"),
    ),
    "line break in a name": (
        sets("students.csv", 4, "family_name", "Ma\nes"),
        ("controlCharacter", "students.csv", 4, "family_name"),
    ),
    "tab in a class group": (
        sets("class_groups.csv", 2, "site_name", "a\tb"),
        ("controlCharacter", "class_groups.csv", 2, "site_name"),
    ),
    "control character of two bytes": (
        sets("schools.csv", 2, "municipality", "Ge\x85nk"),
        ("controlCharacter", "schools.csv", 2, "municipality"),
    ),
    "NUL byte": (
        sets("students.csv", 4, "family_name", "Ma\0es"),
        ("nulByte", "students.csv", 4, "family_name"),
    ),
    "stamnummer of six digits": (
        sets("students.csv", 2, "stamnummer", "100001"),
        ("invalidValue", "students.csv", 2, "stamnummer"),
    ),
    "stamnummer of two students": (
        sets("students.csv", 3, "stamnummer", "1000001"),
        ("duplicateStamnummer", "students.csv", 3, "stamnummer"),
    ),
    "INSZ with a bad check": (
        sets("students.csv", 2, "insz", BAD_CHECK),
        ("inszCheck", "students.csv", 2, "insz"),
    ),
    "INSZ of ten digits": (
        sets("students.csv", 2, "insz", insz("850101001")[:10]),
        ("inszCheck", "students.csv", 2, "insz"),
    ),
    "INSZ with a letter": (
        sets("students.csv", 2, "insz", "8501010O123"),
        ("inszCheck", "students.csv", 2, "insz"),
    ),
    "status that is not known": (
        sets("results.csv", 3, "status", "sick"),
        ("unknownStatus", "results.csv", 3, "status"),
    ),
    "level that is not known": (
        sets("results.csv", 2, "level", "F"),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "level of another scale": (
        sets("results.csv", 2, "level", "A"),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "level without reported": (
        sets("results.csv", 3, "level", "C"),
        ("levelWithoutReported", "results.csv", 3, "level"),
    ),
    "level with withdrawn": (
        sets("results.csv", 4, "status", "withdrawn"),
        ("levelWithoutReported", "results.csv", 4, "level"),
    ),
    "reported without a level": (
        sets("results.csv", 5, "level", ""),
        ("levelMissing", "results.csv", 5, "level"),
    ),
    "score with a comma": (
        sets("results.csv", 2, "scale_score", "240,5"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "score that is not a number": (
        sets("results.csv", 2, "scale_score", "NaN"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "component of another target group": (
        adds("results.csv", "s1", "LEZ2", "absent", "", ""),
        ("targetGroupMismatch", "results.csv", 9, "component"),
    ),
    "result of an unknown student": (
        adds("results.csv", "s9", "LEZ4", "absent", "", ""),
        ("danglingReference", "results.csv", 9, "student"),
    ),
    "result of an unknown component": (
        adds("results.csv", "s1", "LEZ9", "absent", "", ""),
        ("danglingReference", "results.csv", 9, "component"),
    ),
    "items of an unknown student": (
        adds("item_results.csv", "s9", "LEZ4", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "student"),
    ),
    "items of an unknown component": (
        adds("item_results.csv", "s1", "LEZ9", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "component"),
    ),
    "items without a result": (
        adds("item_results.csv", "s3", "WIS4", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "component"),
    ),
    "student of an unknown school": (
        adds("students.csv", "s9", "999999", "4A", "A", "B", "", ""),
        ("danglingReference", "students.csv", 8, "school"),
    ),
    "student of an unknown class group": (
        adds("students.csv", "s9", "000028", "4Z", "A", "B", "", ""),
        ("danglingReference", "students.csv", 8, "class_group"),
    ),
    "class group of an unknown school": (
        adds("class_groups.csv", "999999", "4A", "LO4", "", ""),
        ("danglingReference", "class_groups.csv", 6, "school"),
    ),
    "class group of an unknown target group": (
        adds("class_groups.csv", "000028", "6A", "LO6", "", ""),
        ("danglingReference", "class_groups.csv", 6, "target_group"),
    ),
    "component of an unknown target group": (
        adds("components.csv", "LEZ6", "LO6", "nederlands", "Lezen", "1", "false", "LO"),
        ("danglingReference", "components.csv", 6, "target_group"),
    ),
    "component on an unknown scale": (
        adds("components.csv", "LEZ6", "LO4", "nederlands", "Lezen", "1", "false", "XX"),
        ("danglingReference", "components.csv", 6, "level_scale"),
    ),
    "description of an unknown component": (
        adds("level_descriptions.csv", "LEZ9", "E", "Leest."),
        ("danglingReference", "level_descriptions.csv", 10, "component"),
    ),
    "description of an unknown level": (
        adds("level_descriptions.csv", "LEZ4", "A", "Leest."),
        ("unknownLevel", "level_descriptions.csv", 10, "level"),
    ),
    "reported level without a description": (
        removes("level_descriptions.csv", 4),
        ("descriptionMissing", "results.csv", 2, "level"),
    ),
    "ordinals with a gap": (
        sets("levels.csv", 4, "ordinal", "4"),
        ("ordinalsNotInOrder", "levels.csv", 2, "ordinal"),
    ),
    "ordinal twice": (
        sets("levels.csv", 6, "ordinal", "1"),
        ("ordinalsNotInOrder", "levels.csv", 5, "ordinal"),
    ),
    "ordinal zero": (
        sets("levels.csv", 2, "ordinal", "0"),
        ("invalidValue", "levels.csv", 2, "ordinal"),
    ),
    "boolean in another language": (
        sets("levels.csv", 5, "attains_basic_literacy", "neen"),
        ("invalidValue", "levels.csv", 5, "attains_basic_literacy"),
    ),
    "calibration left open": (
        sets("components.csv", 2, "calibration", ""),
        ("missingValue", "components.csv", 2, "calibration"),
    ),
    "subject that is not tested": (
        sets("components.csv", 2, "subject", "frans"),
        ("invalidValue", "components.csv", 2, "subject"),
    ),
    "position in letters": (
        sets("components.csv", 2, "position", "een"),
        ("invalidValue", "components.csv", 2, "position"),
    ),
    "education level that does not exist": (
        sets("target_groups.csv", 2, "education_level", "hoger"),
        ("invalidValue", "target_groups.csv", 2, "education_level"),
    ),
    "grade with a fraction": (
        sets("target_groups.csv", 2, "grade", "4.5"),
        ("invalidValue", "target_groups.csv", 2, "grade"),
    ),
}

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


def refused(session: Session, delivery: DeliveryFiles, directory: Path) -> dict[str, Any]:
    """The report; the small delivery stands already, and must be all that stands afterwards."""
    assert take_in(session, full().write(directory / "first")).status == "applied"
    before = table_contents(session)
    outcome = take_in(session, delivery.write(directory / "second"))
    assert outcome.status == "refused"
    assert table_contents(session) == before
    assert outcome.report["changes"] == {}
    return {"places": places(outcome), **outcome.report}


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_row_that_breaks_a_rule_is_named(session: Session, tmp_path: Path, name: str) -> None:
    change, place = ROW_FAULTS[name]
    delivery = full(2)
    change(delivery)

    report = refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert report["faultCounts"] == {place[0]: 1}
    assert all(fault["detail"] and fault["remedy"] for fault in report["faults"])


@pytest.mark.parametrize("file", DUPLICATES)
def test_key_delivered_twice_is_named(session: Session, tmp_path: Path, file: str) -> None:
    line, place = DUPLICATES[file]
    delivery = full(2)
    delivery.rows[file].append(delivery.rows[file][line - 1])

    report = refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert f"line {line}" in report["faults"][0]["detail"]


def test_level_delivered_twice_is_named(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.add("levels.csv", "SO", "A", "3", "Niveau A", "")

    report = refused(session, delivery, tmp_path)

    assert report["places"] == [("duplicateKey", "levels.csv", 7, "level_scale")]


def test_value_is_quoted_unless_it_is_personal(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("results.csv", 2, "level", "F")
    delivery.set("students.csv", 2, "stamnummer", "12")
    delivery.set("students.csv", 3, "insz", BAD_CHECK)

    faults = refused(session, delivery, tmp_path)["faults"]

    assert [fault.get("value") for fault in faults] == [None, None, "F"]


def test_one_report_names_every_fault_in_order(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("results.csv", 3, "status", "sick")
    delivery.set("results.csv", 2, "level", "F")
    delivery.set("students.csv", 2, "insz", BAD_CHECK)
    delivery.set("schools.csv", 2, "main_structure", "")
    delivery.add("item_results.csv", "s9", "LEZ4", "1", "1")
    delivery.raw["class_groups.csv"] = delivery.bytes_of("class_groups.csv") + b"000028,x\r\n"

    assert refused(session, delivery, tmp_path)["places"] == [
        ("rowCountMismatch", "delivery.json", None, "files.class_groups.csv.rows"),
        ("missingValue", "schools.csv", 2, "main_structure"),
        ("fieldCount", "class_groups.csv", 6, None),
        ("inszCheck", "students.csv", 2, "insz"),
        ("unknownLevel", "results.csv", 2, "level"),
        ("unknownStatus", "results.csv", 3, "status"),
        ("danglingReference", "item_results.csv", 7, "student"),
    ]


def test_same_insz_under_two_students_is_a_warning(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.set("students.csv", 4, "insz", insz("850101001"))

    outcome = take_in(session, delivery.write(tmp_path))

    assert outcome.status == "applied"
    assert outcome.report["warningCounts"] == {"inszShared": 1}
    (warning,) = outcome.report["warnings"]
    assert (warning["file"], warning["line"], warning["column"]) == ("students.csv", 4, "insz")
    assert "value" not in warning


CORRECTIONS: dict[str, tuple[DeliveryFiles, Place]] = {
    "result of a student who is not stored": (
        correction(2, results=[["s9", "LEZ4", "absent", "", ""]]),
        ("danglingReference", "results.csv", 2, "student"),
    ),
    "level that is not stored": (
        correction(2, results=[["s1", "LEZ4", "reported", "A", ""]]),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "stamnummer of a stored student": (
        correction(2, students=[["s9", "000028", "4A", "A", "B", "1000001", ""]]),
        ("duplicateStamnummer", "students.csv", 2, "stamnummer"),
    ),
    "component moved to another scale under its results": (
        correction(2, components=[["LEZ4", "LO4", "nederlands", "Lezen", "1", "false", "SO"]]),
        ("contradictsStored", "components.csv", 2, "component"),
    ),
    "class group moved to another target group under its results": (
        correction(2, class_groups=[["007947", "2A", "LO4", "", ""]]),
        ("contradictsStored", "class_groups.csv", 2, "target_group"),
    ),
    "student moved to another target group with results": (
        correction(2, students=[["s4", "007947", "4C", "Wouters", "Cy", "", ""]]),
        ("contradictsStored", "students.csv", 2, "class_group"),
    ),
    "ordinal that a stored level has": (
        correction(2, levels=[["LO", "B", "3", "Niveau B", ""]]),
        ("ordinalsNotInOrder", "levels.csv", 2, "ordinal"),
    ),
    "items of a result that it withdraws": (
        correction(
            2,
            results=[["s1", "LEZ4", "withdrawn", "", ""]],
            item_results=[["s1", "LEZ4", "3", "1"]],
        ),
        ("danglingReference", "item_results.csv", 2, "component"),
    ),
}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_correction_is_held_against_what_is_stored(
    session: Session, tmp_path: Path, name: str
) -> None:
    delivery, place = CORRECTIONS[name]

    assert refused(session, delivery, tmp_path)["places"] == [place]


def test_every_check_of_rows_is_broken_by_a_test() -> None:
    tried = [place for _, place in (*ROW_FAULTS.values(), *DUPLICATES.values())]
    tried += [place for _, place in CORRECTIONS.values()]
    tried += [("duplicateKey", "levels.csv", 7, "level_scale")]
    tried += [
        ("inszShared", "students.csv", 4, "insz"),
        ("nothingToWithdraw", "results.csv", 2, "status"),
    ]

    assert {(check.kind, check.file.name, check.column) for check in CHECKS} <= {
        (kind, file, column) for kind, file, _, column in tried
    }
