"""A file in another encoding, or that is no CSV, is named as what it is."""

import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_files import DeliveryFiles, full, import_refused, run_import

SCHOOLS = full().bytes_of("schools.csv").decode()
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "UTF-16 with BOM": (SCHOOLS.encode("utf-16"), "badUtf8", "UTF-16"),
    "UTF-16, little-endian": (SCHOOLS.encode("utf-16-le"), "badUtf8", "UTF-16"),
    "UTF-16, big-endian": (SCHOOLS.encode("utf-16-be"), "badUtf8", "UTF-16"),
    "UTF-32 with BOM": (SCHOOLS.encode("utf-32"), "badUtf8", "UTF-32"),
    "UTF-32, little-endian": (SCHOOLS.encode("utf-32-le"), "badUtf8", "UTF-32"),
    "UTF-32, big-endian": (SCHOOLS.encode("utf-32-be"), "badUtf8", "UTF-32"),
    "CR alone": (SCHOOLS.replace("\r\n", "\r").encode(), "lineEndings", "CR"),
    "CR alone, large": (
        SCHOOLS.replace("\r\n", "\r").encode() + b"000029,x,y,211,,\r" * 40_000,
        "lineEndings",
        "CR",
    ),
    "Excel workbook": (b"PK\x03\x04\x14\x00" + b"x" * 100, "notCsv", "Excel"),
    "old Excel workbook": (bytes.fromhex("d0cf11e0a1b11ae1") + b"x" * 100, "notCsv", "Excel"),
    "web page": (b"<html><body>Sign in</body></html>", "notCsv", "HTML"),
    "NUL bytes": (b"\0" * 600, "nulByte", "not written completely"),
    "tabs": (SCHOOLS.replace(",", "\t").encode(), "unknownDelimiter", "commas"),
    "a line for Excel": (b"sep=;\r\n" + SCHOOLS.replace(",", ";").encode(), "headerMissing", ""),
}


def with_schools(data: bytes) -> DeliveryFiles:
    delivery = full(2)
    delivery.raw["schools.csv"] = data
    return delivery


@pytest.mark.parametrize("name", REFUSED)
def test_file_is_named_as_what_it_is(session: Session, tmp_path: Path, name: str) -> None:
    data, kind, word = REFUSED[name]

    report = import_refused(session, with_schools(data), tmp_path)

    assert report["places"] == [(kind, "schools.csv", 1, None)]
    assert word in report["faults"][0]["detail"]
    assert report["faults"][0]["remedy"]


def test_cr_alone_after_some_lines_is_reported_at_its_line(
    session: Session, tmp_path: Path
) -> None:
    data = SCHOOLS.encode() + b"000029,x,y,211,,\r000030,x,y,211,,\r000031,x,y,211,,"

    report = import_refused(session, with_schools(data), tmp_path)

    assert report["places"] == [("lineEndings", "schools.csv", 4, None)]


def test_windows_1252_is_named_with_the_way_to_save_the_file(
    session: Session, tmp_path: Path
) -> None:
    data = SCHOOLS.replace("Genk", "Genké").encode("cp1252")

    (fault,) = import_refused(session, with_schools(data), tmp_path)["faults"]

    assert (fault["kind"], fault["line"]) == ("badUtf8", 2)
    assert "Windows-1252" in fault["detail"]
    assert "CSV UTF-8" in fault["remedy"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_json_in_another_encoding_is_named(session: Session, tmp_path: Path, encoding: str) -> None:
    delivery = full(2)
    delivery.raw["administration.json"] = json.dumps(delivery.administration).encode(encoding)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("badUtf8", "administration.json", 1, None)]
    assert encoding[:6].upper() in report["faults"][0]["detail"]


def test_names_of_columns_can_have_blanks(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.rows["schools.csv"][0] = [f" {name} " for name in delivery.rows["schools.csv"][0]]

    assert run_import(session, delivery.write(tmp_path)).status == "applied"
