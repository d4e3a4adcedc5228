"""Each invalid row of catalogue, schools and students is reported, and nothing changes."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_changes import Place, add_row, set_names, set_value, turn_scale_round
from tests.deliveries.delivery_files import Change, full, import_refused, insz, run_import

LONG = "x" * 201
WRONG_CHECK_DIGITS = f"{insz('850101001')[:9]}98"

ROW_FAULTS: dict[str, tuple[Change, Place]] = {
    "school of five digits": (
        add_row("schools.csv", "12345", "Kort", "Gent", "211", "", ""),
        ("schoolNumber", "schools.csv", 4, "school"),
    ),
    "school of five digits in another file": (
        add_row("class_groups.csv", "12345", "4A", "LO4", "", ""),
        ("schoolNumber", "class_groups.csv", 6, "school"),
    ),
    "school with a letter": (
        add_row("schools.csv", "12345a", "Letter", "Gent", "211", "", ""),
        ("schoolNumber", "schools.csv", 4, "school"),
    ),
    "predecessor with an invalid school number": (
        set_value("schools.csv", 2, "successor_of", "19"),
        ("schoolNumber", "schools.csv", 2, "successor_of"),
    ),
    "school that is its own predecessor": (
        set_value("schools.csv", 3, "successor_of", "007947"),
        ("successorOfItself", "schools.csv", 3, "successor_of"),
    ),
    "main structure of two digits": (
        set_value("schools.csv", 2, "main_structure", "21"),
        ("invalidValue", "schools.csv", 2, "main_structure"),
    ),
    "name too long": (
        set_value("students.csv", 2, "family_name", LONG),
        ("valueTooLong", "students.csv", 2, "family_name"),
    ),
    "student code too long": (
        add_row("students.csv", "7" * 65, "000028", "4A", "A", "B", "", ""),
        ("valueTooLong", "students.csv", 8, "student"),
    ),
    "description too long": (
        set_value("level_descriptions.csv", 3, "text", "t" * 2001),
        ("valueTooLong", "level_descriptions.csv", 3, "text"),
    ),
    "student without a name": (
        set_names("students.csv", 3, "", "\u200b"),
        ("missingValue", "students.csv", 3, "family_name"),
    ),
    "empty name of a school": (
        set_value("schools.csv", 3, "name", ""),
        ("missingValue", "schools.csv", 3, "name"),
    ),
    "name of invisible characters": (
        set_value("components.csv", 3, "name", "\u00a0\u200b"),
        ("missingValue", "components.csv", 3, "name"),
    ),
    "character that was lost": (
        set_value("students.csv", 4, "given_name", "Zo\ufffd"),
        ("replacementCharacter", "students.csv", 4, "given_name"),
    ),
    "lost character in a description": (
        set_value("level_descriptions.csv", 3, "text", "Leest \ufffdn zin."),
        ("replacementCharacter", "level_descriptions.csv", 3, "text"),
    ),
    "name of blanks": (
        set_value("schools.csv", 3, "name", "  "),
        ("missingValue", "schools.csv", 3, "name"),
    ),
    "control character in a name": (
        set_value("students.csv", 4, "family_name", "Ma\x07es"),
        ("controlCharacter", "students.csv", 4, "family_name"),
    ),
    "line break in a name": (
        set_value("students.csv", 4, "family_name", "Ma\nes"),
        ("controlCharacter", "students.csv", 4, "family_name"),
    ),
    "tab in a class group": (
        set_value("class_groups.csv", 2, "site_name", "a\tb"),
        ("controlCharacter", "class_groups.csv", 2, "site_name"),
    ),
    "control character of two bytes": (
        set_value("schools.csv", 2, "municipality", "Ge\x85nk"),
        ("controlCharacter", "schools.csv", 2, "municipality"),
    ),
    "NUL byte": (
        set_value("students.csv", 4, "family_name", "Ma\0es"),
        ("nulByte", "students.csv", 4, "family_name"),
    ),
    "stamnummer of six digits": (
        set_value("students.csv", 2, "stamnummer", "100001"),
        ("invalidValue", "students.csv", 2, "stamnummer"),
    ),
    "stamnummer of two students": (
        set_value("students.csv", 3, "stamnummer", "1000001"),
        ("duplicateStamnummer", "students.csv", 3, "stamnummer"),
    ),
    "INSZ with wrong check digits": (
        set_value("students.csv", 2, "insz", WRONG_CHECK_DIGITS),
        ("inszCheck", "students.csv", 2, "insz"),
    ),
    "INSZ of ten digits": (
        set_value("students.csv", 2, "insz", insz("850101001")[:10]),
        ("inszCheck", "students.csv", 2, "insz"),
    ),
    "INSZ with a letter": (
        set_value("students.csv", 2, "insz", "8501010O123"),
        ("inszCheck", "students.csv", 2, "insz"),
    ),
    "student of an unknown school": (
        add_row("students.csv", "s9", "999999", "4A", "A", "B", "", ""),
        ("danglingReference", "students.csv", 8, "school"),
    ),
    "student of an unknown class group": (
        add_row("students.csv", "s9", "000028", "4Z", "A", "B", "", ""),
        ("danglingReference", "students.csv", 8, "class_group"),
    ),
    "class group of an unknown school": (
        add_row("class_groups.csv", "999999", "4A", "LO4", "", ""),
        ("danglingReference", "class_groups.csv", 6, "school"),
    ),
    "class group of an unknown target group": (
        add_row("class_groups.csv", "000028", "6A", "LO6", "", ""),
        ("danglingReference", "class_groups.csv", 6, "target_group"),
    ),
    "component of an unknown target group": (
        add_row("components.csv", "LEZ6", "LO6", "nederlands", "Lezen", "1", "false", "LO"),
        ("danglingReference", "components.csv", 6, "target_group"),
    ),
    "component on an unknown scale": (
        add_row("components.csv", "LEZ6", "LO4", "nederlands", "Lezen", "1", "false", "XX"),
        ("danglingReference", "components.csv", 6, "level_scale"),
    ),
    "description of an unknown component": (
        add_row("level_descriptions.csv", "LEZ9", "E", "Leest."),
        ("danglingReference", "level_descriptions.csv", 10, "component"),
    ),
    "description of an unknown level": (
        add_row("level_descriptions.csv", "LEZ4", "A", "Leest."),
        ("unknownLevel", "level_descriptions.csv", 10, "level"),
    ),
    "ordinals with a gap": (
        set_value("levels.csv", 4, "ordinal", "4"),
        ("ordinalsNotInOrder", "levels.csv", 2, "ordinal"),
    ),
    "duplicate ordinal": (
        set_value("levels.csv", 6, "ordinal", "1"),
        ("ordinalsNotInOrder", "levels.csv", 5, "ordinal"),
    ),
    "basic literacy of a scale that is turned round": (
        turn_scale_round("attains_basic_literacy"),
        ("attainsNotHigher", "levels.csv", 5, "attains_basic_literacy"),
    ),
    "final objectives of a scale that is turned round": (
        turn_scale_round("attains_final_objectives"),
        ("attainsNotHigher", "levels.csv", 5, "attains_final_objectives"),
    ),
    "ordinal zero": (
        set_value("levels.csv", 2, "ordinal", "0"),
        ("invalidValue", "levels.csv", 2, "ordinal"),
    ),
    "boolean in another language": (
        set_value("levels.csv", 5, "attains_basic_literacy", "neen"),
        ("invalidValue", "levels.csv", 5, "attains_basic_literacy"),
    ),
    "empty calibration": (
        set_value("components.csv", 2, "calibration", ""),
        ("missingValue", "components.csv", 2, "calibration"),
    ),
    "subject that is not tested": (
        set_value("components.csv", 2, "subject", "frans"),
        ("invalidValue", "components.csv", 2, "subject"),
    ),
    "position in letters": (
        set_value("components.csv", 2, "position", "een"),
        ("invalidValue", "components.csv", 2, "position"),
    ),
    "education level that does not exist": (
        set_value("target_groups.csv", 2, "education_level", "hoger"),
        ("invalidValue", "target_groups.csv", 2, "education_level"),
    ),
    "grade with a fraction": (
        set_value("target_groups.csv", 2, "grade", "4.5"),
        ("invalidValue", "target_groups.csv", 2, "grade"),
    ),
}


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_invalid_row_is_reported(session: Session, tmp_path: Path, name: str) -> None:
    change, place = ROW_FAULTS[name]
    delivery = full(2)
    change(delivery)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert report["faultCounts"] == {place[0]: 1}
    assert all(fault["detail"] and fault["remedy"] for fault in report["faults"])


def test_value_is_quoted_unless_it_is_personal(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("results.csv", 2, "level", "F")
    delivery.set("students.csv", 2, "stamnummer", "12")
    delivery.set("students.csv", 3, "insz", WRONG_CHECK_DIGITS)

    faults = import_refused(session, delivery, tmp_path)["faults"]

    assert [fault.get("value") for fault in faults] == [None, None, "F"]


def test_report_lists_every_fault_in_order(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("results.csv", 3, "status", "sick")
    delivery.set("results.csv", 2, "level", "F")
    delivery.set("students.csv", 2, "insz", WRONG_CHECK_DIGITS)
    delivery.set("schools.csv", 2, "main_structure", "")
    delivery.add("item_results.csv", "s9", "LEZ4", "1", "1")
    delivery.raw["class_groups.csv"] = delivery.bytes_of("class_groups.csv") + b"000028,x\r\n"

    assert import_refused(session, delivery, tmp_path)["places"] == [
        ("rowCountMismatch", "delivery.json", None, "files.class_groups.csv.rows"),
        ("missingValue", "schools.csv", 2, "main_structure"),
        ("fieldCount", "class_groups.csv", 6, None),
        ("inszCheck", "students.csv", 2, "insz"),
        ("unknownLevel", "results.csv", 2, "level"),
        ("unknownStatus", "results.csv", 3, "status"),
        ("danglingReference", "item_results.csv", 7, "student"),
    ]


def test_same_insz_for_two_students_is_a_warning(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.set("students.csv", 4, "insz", insz("850101001"))

    outcome = run_import(session, delivery.write(tmp_path))

    assert outcome.status == "applied"
    assert outcome.report["warningCounts"] == {"inszShared": 1}
    (warning,) = outcome.report["warnings"]
    assert (warning["file"], warning["line"], warning["column"]) == ("students.csv", 4, "insz")
    assert "value" not in warning
