"""Manifests and administrations that do not fit: named member by member, and nothing changes."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.deliveries.models import Delivery
from tests.deliveries.delivery_changes import (
    Place,
    with_administration,
    with_entry,
    with_manifest,
    with_member,
    without_entry,
    without_file,
    without_member,
)
from tests.deliveries.delivery_files import Change, full, places, refused, take_in

MANIFEST = "delivery.json"
NESTED = b"[" * 100_000

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
