"""Files and manifests that are broken: the report says which and where, and nothing changes."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.results.models import Delivery
from tests.results.delivery_files import (
    Change,
    DeliveryFiles,
    full,
    places,
    table_contents,
    take_in,
)

Place = tuple[str, str | None, int | None, str | None]


def with_bytes(file: str, old: bytes, new: bytes) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        data = delivery.bytes_of(file)
        assert old in data
        delivery.raw[file] = data.replace(old, new, 1)

    return change


def with_member(name: str, value: object) -> Change:
    return lambda delivery: delivery.manifest.update({name: value})


def with_administration(name: str, value: object) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        delivery.administration = {**(delivery.administration or {}), name: value}

    return change


def without_member(name: str) -> Change:
    return lambda delivery: delivery.manifest.pop(name)


def with_entry(file: str, **values: object) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        files = json.loads(delivery.contents()["delivery.json"])["files"]
        files[file] |= values
        delivery.manifest["files"] = files

    return change


def with_manifest(data: bytes) -> Change:
    return lambda delivery: delivery.raw.update({"delivery.json": data})


def without_file(file: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        if file == "administration.json":
            delivery.administration = None
        else:
            del delivery.rows[file]

    return change


def without_entry(file: str) -> Change:
    def change(delivery: DeliveryFiles) -> None:
        files = json.loads(delivery.contents()["delivery.json"])["files"]
        del files[file]
        delivery.manifest["files"] = files

    return change


def header(file: str, old: str, new: str) -> Change:
    return with_bytes(file, old.encode(), new.encode())


MANIFEST = "delivery.json"
NESTED = b"[" * 100_000

CSV_FAULTS: dict[str, tuple[Change, Place]] = {
    "byte that is not UTF-8": (
        with_bytes("schools.csv", b"Genk", b"Ge\xe9k"),
        ("badUtf8", "schools.csv", 2, None),
    ),
    "character cut in half": (
        with_bytes("students.csv", "Ž".encode(), b"\xc5"),
        ("badUtf8", "students.csv", 3, None),
    ),
    "surrogate as bytes": (
        with_bytes("schools.csv", b"Genk", b"\xed\xa0\x80"),
        ("badUtf8", "schools.csv", 2, None),
    ),
    "NUL byte": (
        with_bytes("class_groups.csv", b"Hoofd", b"Hoofd\x00"),
        ("nulByte", "class_groups.csv", 2, "site_name"),
    ),
    "quote inside a bare value": (
        with_bytes("schools.csv", b"Ter Linde", b'Ter "Linde'),
        ("unbalancedQuotes", "schools.csv", 3, None),
    ),
    "quotes around a part of a value": (
        with_bytes("schools.csv", b"Ter Linde", b'Ter "Linde"'),
        ("unbalancedQuotes", "schools.csv", 3, None),
    ),
    "text after a closing quote": (
        with_bytes("schools.csv", b"Ter Linde", b'"Ter" Linde'),
        ("unbalancedQuotes", "schools.csv", 3, None),
    ),
    "quote that never closes": (
        with_bytes("results.csv", b"absent", b'"absent'),
        ("unbalancedQuotes", "results.csv", 3, None),
    ),
    "quote that closes lines later": (
        with_bytes("results.csv", b"absent,,\r\ns2", b'"absent,,\r\ns"2'),
        ("unbalancedQuotes", "results.csv", 3, None),
    ),
    "field too few": (
        with_bytes("item_results.csv", b"s1,LEZ4,2,0", b"s1,LEZ4,2"),
        ("fieldCount", "item_results.csv", 3, None),
    ),
    "field too many": (
        with_bytes("item_results.csv", b"s1,LEZ4,2,0", b"s1,LEZ4,2,0,"),
        ("fieldCount", "item_results.csv", 3, None),
    ),
    "another delimiter in one row": (
        with_bytes("item_results.csv", b"s1,LEZ4,2,0", b"s1;LEZ4;2;0"),
        ("fieldCount", "item_results.csv", 3, None),
    ),
    "column that is not known": (
        header("schools.csv", "comparison_group", "ranking"),
        ("unknownColumn", "schools.csv", 1, None),
    ),
    "column missing": (
        lambda delivery: delivery.rows.update(
            {"levels.csv": [row[:3] + row[4:] for row in delivery.rows["levels.csv"]]}
        ),
        ("missingColumn", "levels.csv", 1, "label"),
    ),
    "column twice": (
        header("schools.csv", "comparison_group", "successor_of"),
        ("duplicateColumn", "schools.csv", 1, "successor_of"),
    ),
    "header with an open quote": (
        header("schools.csv", "successor_of", '"successor_of'),
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

MANIFEST_FAULTS: dict[str, tuple[Change, Place]] = {
    "no JSON": (with_manifest(b'{\n "formatVersion": '), ("manifestBroken", MANIFEST, 2, None)),
    "no object": (with_manifest(b"[]"), ("manifestBroken", MANIFEST, 1, None)),
    "empty": (with_manifest(b""), ("manifestBroken", MANIFEST, 1, None)),
    "nested without end": (with_manifest(NESTED), ("manifestBroken", MANIFEST, None, None)),
    "huge": (with_manifest(b" " * 2**21), ("manifestBroken", MANIFEST, None, None)),
    "member twice": (
        with_manifest(b'{"mode": "full", "mode": "correction"}'),
        ("manifestBroken", MANIFEST, None, None),
    ),
    "no number": (with_manifest(b'{"sequence": NaN}'), ("manifestBroken", MANIFEST, None, None)),
    "not UTF-8": (with_manifest(b'{"mode":\n"\xff"}'), ("badUtf8", MANIFEST, 2, None)),
    "another version": (
        with_member("formatVersion", "2.0"),
        ("invalidMember", MANIFEST, None, "formatVersion"),
    ),
    "member missing": (
        without_member("sequence"),
        ("missingMember", MANIFEST, None, "sequence"),
    ),
    "member not known": (
        with_member("priority", 1),
        ("unknownMember", MANIFEST, None, "priority"),
    ),
    "delivery id with a NUL": (
        with_member("deliveryId", "a\0b"),
        ("invalidMember", MANIFEST, None, "deliveryId"),
    ),
    "delivery id of half a character": (
        with_member("deliveryId", "\ud800"),
        ("invalidMember", MANIFEST, None, "deliveryId"),
    ),
    "delivery id too long": (
        with_member("deliveryId", "d" * 129),
        ("invalidMember", MANIFEST, None, "deliveryId"),
    ),
    "administration that leads elsewhere": (
        with_member("administrationId", "../2024"),
        ("invalidMember", MANIFEST, None, "administrationId"),
    ),
    "mode not known": (with_member("mode", "partial"), ("invalidMember", MANIFEST, None, "mode")),
    "sequence zero": (with_member("sequence", 0), ("invalidMember", MANIFEST, None, "sequence")),
    "sequence true": (
        with_member("sequence", value=True),
        ("invalidMember", MANIFEST, None, "sequence"),
    ),
    "sequence of no column": (
        with_member("sequence", 2**31),
        ("invalidMember", MANIFEST, None, "sequence"),
    ),
    "moment without offset": (
        with_member("createdAt", "2024-06-10T09:00:00"),
        ("invalidMember", MANIFEST, None, "createdAt"),
    ),
    "files no object": (with_member("files", []), ("invalidMember", MANIFEST, None, "files")),
    "file not of the format": (
        with_member("files", {"grades.csv": {"rows": 1, "sha256": "0" * 64}}),
        ("unknownMember", MANIFEST, None, "files.grades.csv"),
    ),
    "hash too short": (
        with_entry("results.csv", sha256="0" * 63),
        ("invalidMember", MANIFEST, None, "files.results.csv.sha256"),
    ),
    "rows below zero": (
        with_entry("results.csv", rows=-1),
        ("invalidMember", MANIFEST, None, "files.results.csv.rows"),
    ),
    "wrong hash": (
        with_entry("results.csv", sha256="0" * 64),
        ("hashMismatch", MANIFEST, None, "files.results.csv.sha256"),
    ),
    "wrong row count": (
        with_entry("results.csv", rows=8),
        ("rowCountMismatch", MANIFEST, None, "files.results.csv.rows"),
    ),
    "wrong row count of the administration": (
        with_entry("administration.json", rows=2),
        ("rowCountMismatch", MANIFEST, None, "files.administration.json.rows"),
    ),
    "file that is not named": (
        without_entry("item_results.csv"),
        ("fileNotInManifest", "item_results.csv", None, None),
    ),
    "file that is not there": (
        without_file("results.csv"),
        ("fileMissing", "results.csv", None, None),
    ),
    "no administration": (
        without_file("administration.json"),
        ("fileMissing", "administration.json", None, None),
    ),
    "sequence that skips one": (
        with_member("sequence", 3),
        ("sequenceNotNext", MANIFEST, None, "sequence"),
    ),
    "sequence that was there": (
        with_member("sequence", 1),
        ("sequenceNotNext", MANIFEST, None, "sequence"),
    ),
    "delivery id that was there": (
        with_member("deliveryId", "test-1"),
        ("deliveryIdReused", MANIFEST, None, "deliveryId"),
    ),
}

ADMINISTRATION = "administration.json"
ADMINISTRATION_FAULTS: dict[str, tuple[Change, Place]] = {
    "no JSON": (
        lambda delivery: delivery.raw.update({ADMINISTRATION: b"{"}),
        ("administrationBroken", ADMINISTRATION, 1, None),
    ),
    "another administration": (
        with_administration("id", "2025"),
        ("administrationMismatch", ADMINISTRATION, None, "id"),
    ),
    "school year of two years": (
        with_administration("schoolYear", "2023-2025"),
        ("invalidMember", ADMINISTRATION, None, "schoolYear"),
    ),
    "day that does not exist": (
        with_administration("testedFrom", "2024-02-30"),
        ("invalidMember", ADMINISTRATION, None, "testedFrom"),
    ),
    "end before the start": (
        with_administration("testedUntil", "2024-04-23"),
        ("invalidMember", ADMINISTRATION, None, "testedUntil"),
    ),
    "name empty": (
        with_administration("name", ""),
        ("invalidMember", ADMINISTRATION, None, "name"),
    ),
    "member not known": (
        with_administration("grade", 4),
        ("unknownMember", ADMINISTRATION, None, "grade"),
    ),
}


def refused(session: Session, delivery: DeliveryFiles, directory: Path) -> dict[str, Any]:
    """The report; the small delivery stands already, and must be all that stands afterwards."""
    first = full().write(directory / "first")
    assert take_in(session, first).status == "applied"
    before = table_contents(session)
    outcome = take_in(session, delivery.write(directory / "second"))
    assert outcome.status == "refused"
    assert table_contents(session) == before
    row = session.get_one(Delivery, outcome.delivery_id)
    assert (row.status, row.report) == ("refused", outcome.report)
    return {"places": places(outcome), **outcome.report}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_file_that_cannot_be_read_is_named(session: Session, tmp_path: Path, name: str) -> None:
    change, place = CSV_FAULTS[name]
    delivery = full(2)
    change(delivery)

    report = refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert all("value" not in fault for fault in report["faults"] if place[0] != "unknownColumn")


@pytest.mark.parametrize("name", MANIFEST_FAULTS)
def test_manifest_that_does_not_fit_is_named(session: Session, tmp_path: Path, name: str) -> None:
    change, place = MANIFEST_FAULTS[name]
    delivery = full(2)
    change(delivery)

    assert place in refused(session, delivery, tmp_path)["places"]


@pytest.mark.parametrize("name", ADMINISTRATION_FAULTS)
def test_administration_that_does_not_fit_is_named(
    session: Session, tmp_path: Path, name: str
) -> None:
    change, place = ADMINISTRATION_FAULTS[name]
    delivery = full(2)
    change(delivery)

    assert refused(session, delivery, tmp_path)["places"] == [place]


def test_row_of_another_length_does_not_hide_what_else_is_wrong(
    session: Session, tmp_path: Path
) -> None:
    delivery = full(2)
    delivery.rows["students.csv"][1].append("one too many")
    delivery.set("students.csv", 3, "stamnummer", "12")
    delivery.set("results.csv", 2, "level", "F")

    assert refused(session, delivery, tmp_path)["places"] == [
        ("fieldCount", "students.csv", 2, None),
        ("invalidValue", "students.csv", 3, "stamnummer"),
        ("unknownLevel", "results.csv", 2, "level"),
    ]


def test_line_of_a_fault_counts_line_breaks_inside_values(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("level_descriptions.csv", 2, "text", "Een.\r\nTwee.\nDrie.")
    delivery.set("level_descriptions.csv", 3, "text", "")

    assert refused(session, delivery, tmp_path)["places"] == [
        ("missingValue", "level_descriptions.csv", 5, "text")
    ]


def test_unreadable_file_does_not_hide_another(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    with_bytes("students.csv", b"student", b"pupil")(delivery)
    with_bytes("results.csv", b"absent", b'"absent')(delivery)
    with_bytes("schools.csv", b"Genk", b"Ge\xffk")(delivery)

    kinds = {(place[0], place[1]) for place in refused(session, delivery, tmp_path)["places"]}

    assert kinds >= {
        ("unknownColumn", "students.csv"),
        ("missingColumn", "students.csv"),
        ("unbalancedQuotes", "results.csv"),
        ("badUtf8", "schools.csv"),
    }


def test_unreadable_manifest_leaves_a_row_with_a_report(session: Session, tmp_path: Path) -> None:
    outcome = take_in(session, tmp_path)

    row = session.execute(select(Delivery)).scalar_one()
    assert places(outcome) == [("manifestMissing", MANIFEST, None, None)]
    assert (row.status, row.reference, row.mode, row.sequence) == ("refused", None, None, None)


def test_same_manifest_over_changed_bytes_is_not_taken_for_the_same(
    session: Session, tmp_path: Path
) -> None:
    path = full().write(tmp_path)
    assert take_in(session, path).status == "applied"
    results = path / "results.csv"
    results.write_bytes(results.read_bytes().replace(b"reported,C", b"reported,D"))

    outcome = take_in(session, path)

    assert outcome.status == "refused"
    assert places(outcome) == [("hashMismatch", MANIFEST, None, "files.results.csv.sha256")]


def test_correction_of_an_administration_that_is_not_there_is_refused(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    delivery.manifest["mode"] = "correction"
    delivery.administration = None

    outcome = take_in(session, delivery.write(tmp_path))

    assert ("unknownAdministration", MANIFEST, None, "administrationId") in places(outcome)


def test_refused_delivery_may_come_again_corrected(session: Session, tmp_path: Path) -> None:
    broken = full()
    broken.set("results.csv", 2, "level", "F")
    assert take_in(session, broken.write(tmp_path / "broken")).status == "refused"

    assert take_in(session, full().write(tmp_path / "right")).status == "applied"
