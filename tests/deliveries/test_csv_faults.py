"""Invalid CSV files are reported with the place of the fault, and nothing changes."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_changes import Place, replace_bytes, replace_in_header
from tests.deliveries.delivery_files import Change, full, import_refused

CSV_FAULTS: dict[str, tuple[Change, Place]] = {
    "byte that is not UTF-8": (
        replace_bytes("schools.csv", b"Genk", b"Ge\xe9k"),
        ("badUtf8", "schools.csv", 2, None),
    ),
    "truncated character": (
        replace_bytes("students.csv", "Ž".encode(), b"\xc5"),
        ("badUtf8", "students.csv", 3, None),
    ),
    "surrogate as bytes": (
        replace_bytes("schools.csv", b"Genk", b"\xed\xa0\x80"),
        ("badUtf8", "schools.csv", 2, None),
    ),
    "NUL byte": (
        replace_bytes("class_groups.csv", b"Hoofd", b"Hoofd\x00"),
        ("nulByte", "class_groups.csv", 2, "site_name"),
    ),
    "quote inside an unquoted value": (
        replace_bytes("schools.csv", b"Ter Linde", b'Ter "Linde'),
        ("unbalancedQuotes", "schools.csv", 3, None),
    ),
    "quotes around a part of a value": (
        replace_bytes("schools.csv", b"Ter Linde", b'Ter "Linde"'),
        ("unbalancedQuotes", "schools.csv", 3, None),
    ),
    "text after a closing quote": (
        replace_bytes("schools.csv", b"Ter Linde", b'"Ter" Linde'),
        ("unbalancedQuotes", "schools.csv", 3, None),
    ),
    "quote that is not closed": (
        replace_bytes("results.csv", b"absent", b'"absent'),
        ("unbalancedQuotes", "results.csv", 3, None),
    ),
    "quote that is closed on a later line": (
        replace_bytes("results.csv", b"absent,,\r\ns2", b'"absent,,\r\ns"2'),
        ("unbalancedQuotes", "results.csv", 3, None),
    ),
    "missing field": (
        replace_bytes("item_results.csv", b"s1,LEZ4,2,0", b"s1,LEZ4,2"),
        ("fieldCount", "item_results.csv", 3, None),
    ),
    "extra field": (
        replace_bytes("item_results.csv", b"s1,LEZ4,2,0", b"s1,LEZ4,2,0,"),
        ("fieldCount", "item_results.csv", 3, None),
    ),
    "another delimiter in one row": (
        replace_bytes("item_results.csv", b"s1,LEZ4,2,0", b"s1;LEZ4;2;0"),
        ("fieldCount", "item_results.csv", 3, None),
    ),
    "unknown column": (
        replace_in_header("schools.csv", "comparison_group", "ranking"),
        ("unknownColumn", "schools.csv", 1, None),
    ),
    "missing column": (
        lambda delivery: delivery.rows.update(
            {"levels.csv": [row[:3] + row[4:] for row in delivery.rows["levels.csv"]]}
        ),
        ("missingColumn", "levels.csv", 1, "label"),
    ),
    "duplicate column": (
        replace_in_header("schools.csv", "comparison_group", "successor_of"),
        ("duplicateColumn", "schools.csv", 1, "successor_of"),
    ),
    "header with an open quote": (
        replace_in_header("schools.csv", "successor_of", '"successor_of'),
        ("unbalancedQuotes", "schools.csv", 1, None),
    ),
    "empty file": (
        lambda delivery: (
            delivery.raw.update({"item_results.csv": b""}),
            delivery.rows.update({"item_results.csv": [[]]}),
        ),
        ("headerMissing", "item_results.csv", 1, None),
    ),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_unreadable_file_is_reported(session: Session, tmp_path: Path, name: str) -> None:
    change, place = CSV_FAULTS[name]
    delivery = full(2)
    change(delivery)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert all("value" not in fault for fault in report["faults"] if place[0] != "unknownColumn")


def test_wrong_field_count_does_not_hide_other_faults(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.rows["students.csv"][1].append("one too many")
    delivery.set("students.csv", 3, "stamnummer", "12")
    delivery.set("results.csv", 2, "level", "F")

    assert import_refused(session, delivery, tmp_path)["places"] == [
        ("fieldCount", "students.csv", 2, None),
        ("invalidValue", "students.csv", 3, "stamnummer"),
        ("unknownLevel", "results.csv", 2, "level"),
    ]


def test_line_number_counts_line_breaks_in_values(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("level_descriptions.csv", 2, "text", "Een.\r\nTwee.\nDrie.")
    delivery.set("level_descriptions.csv", 3, "text", "")

    assert import_refused(session, delivery, tmp_path)["places"] == [
        ("missingValue", "level_descriptions.csv", 5, "text")
    ]


def test_unreadable_file_does_not_hide_other_faults(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    replace_bytes("students.csv", b"student", b"pupil")(delivery)
    replace_bytes("results.csv", b"absent", b'"absent')(delivery)
    replace_bytes("schools.csv", b"Genk", b"Ge\xffk")(delivery)

    kinds = {
        (place[0], place[1]) for place in import_refused(session, delivery, tmp_path)["places"]
    }

    assert kinds >= {
        ("unknownColumn", "students.csv"),
        ("missingColumn", "students.csv"),
        ("unbalancedQuotes", "results.csv"),
        ("badUtf8", "schools.csv"),
    }
