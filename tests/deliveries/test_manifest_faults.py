"""Invalid members of the two JSON files are reported, and nothing changes."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.manifest import FileEntries
from shared.deliveries.models import Delivery
from tests.deliveries.delivery_changes import (
    Place,
    change_entry,
    remove_entry,
    remove_file,
    remove_member,
    replace_manifest,
    set_administration_member,
    set_member,
)
from tests.deliveries.delivery_files import Change, full, import_refused, places, run_import

MANIFEST = "delivery.json"
NESTED = b"[" * 100_000

MANIFEST_FAULTS: dict[str, tuple[Change, Place]] = {
    "no JSON": (replace_manifest(b'{\n "formatVersion": '), ("manifestBroken", MANIFEST, 2, None)),
    "no object": (replace_manifest(b"[]"), ("manifestBroken", MANIFEST, 1, None)),
    "empty": (replace_manifest(b""), ("manifestBroken", MANIFEST, 1, None)),
    "nested too deeply": (replace_manifest(NESTED), ("manifestBroken", MANIFEST, None, None)),
    "too large": (replace_manifest(b" " * 2**21), ("manifestBroken", MANIFEST, None, None)),
    "duplicate member": (
        replace_manifest(b'{"mode": "full", "mode": "correction"}'),
        ("manifestBroken", MANIFEST, None, None),
    ),
    "NaN": (replace_manifest(b'{"sequence": NaN}'), ("manifestBroken", MANIFEST, None, None)),
    "not UTF-8": (replace_manifest(b'{"mode":\n"\xff"}'), ("badUtf8", MANIFEST, 2, None)),
    "unknown version": (
        set_member("formatVersion", "2.0"),
        ("invalidMember", MANIFEST, None, "formatVersion"),
    ),
    "missing member": (
        remove_member("sequence"),
        ("missingMember", MANIFEST, None, "sequence"),
    ),
    "unknown member": (
        set_member("priority", 1),
        ("unknownMember", MANIFEST, None, "priority"),
    ),
    "delivery id with a NUL": (
        set_member("deliveryId", "a\0b"),
        ("invalidMember", MANIFEST, None, "deliveryId"),
    ),
    "delivery id with a lone surrogate": (
        set_member("deliveryId", "\ud800"),
        ("invalidMember", MANIFEST, None, "deliveryId"),
    ),
    "delivery id too long": (
        set_member("deliveryId", "d" * 129),
        ("invalidMember", MANIFEST, None, "deliveryId"),
    ),
    "administration id like a path": (
        set_member("administrationId", "../2024"),
        ("invalidMember", MANIFEST, None, "administrationId"),
    ),
    "unknown mode": (set_member("mode", "partial"), ("invalidMember", MANIFEST, None, "mode")),
    "sequence zero": (set_member("sequence", 0), ("invalidMember", MANIFEST, None, "sequence")),
    "sequence true": (
        set_member("sequence", value=True),
        ("invalidMember", MANIFEST, None, "sequence"),
    ),
    "sequence beyond 32 bits": (
        set_member("sequence", 2**31),
        ("invalidMember", MANIFEST, None, "sequence"),
    ),
    "time without offset": (
        set_member("createdAt", "2024-06-10T09:00:00"),
        ("invalidMember", MANIFEST, None, "createdAt"),
    ),
    "files is no object": (set_member("files", []), ("invalidMember", MANIFEST, None, "files")),
    "file that is not in the format": (
        set_member("files", {"grades.csv": {"rows": 1, "sha256": "0" * 64}}),
        ("unknownMember", MANIFEST, None, "files.grades.csv"),
    ),
    "hash too short": (
        change_entry("results.csv", sha256="0" * 63),
        ("invalidMember", MANIFEST, None, "files.results.csv.sha256"),
    ),
    "negative rows": (
        change_entry("results.csv", rows=-1),
        ("invalidMember", MANIFEST, None, "files.results.csv.rows"),
    ),
    "wrong hash": (
        change_entry("results.csv", sha256="0" * 64),
        ("hashMismatch", MANIFEST, None, "files.results.csv.sha256"),
    ),
    "wrong row count": (
        change_entry("results.csv", rows=8),
        ("rowCountMismatch", MANIFEST, None, "files.results.csv.rows"),
    ),
    "wrong row count of the administration": (
        change_entry("administration.json", rows=2),
        ("rowCountMismatch", MANIFEST, None, "files.administration.json.rows"),
    ),
    "file that is not in the manifest": (
        remove_entry("item_results.csv"),
        ("fileNotInManifest", "item_results.csv", None, None),
    ),
    "missing file": (
        remove_file("results.csv"),
        ("fileMissing", "results.csv", None, None),
    ),
    "missing administration": (
        remove_file("administration.json"),
        ("fileMissing", "administration.json", None, None),
    ),
    "sequence that skips one": (
        set_member("sequence", 3),
        ("sequenceNotNext", MANIFEST, None, "sequence"),
    ),
    "sequence that was used": (
        set_member("sequence", 1),
        ("sequenceNotNext", MANIFEST, None, "sequence"),
    ),
    "delivery id that was used": (
        set_member("deliveryId", "test-1"),
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
        set_administration_member("id", "2025"),
        ("administrationMismatch", ADMINISTRATION, None, "id"),
    ),
    "school year that is not consecutive": (
        set_administration_member("schoolYear", "2023-2025"),
        ("invalidMember", ADMINISTRATION, None, "schoolYear"),
    ),
    "date that does not exist": (
        set_administration_member("testedFrom", "2024-02-30"),
        ("invalidMember", ADMINISTRATION, None, "testedFrom"),
    ),
    "start before the school year": (
        set_administration_member("testedFrom", "2023-08-31"),
        ("invalidMember", ADMINISTRATION, None, "testedFrom"),
    ),
    "end after the school year": (
        set_administration_member("testedUntil", "2024-09-01"),
        ("invalidMember", ADMINISTRATION, None, "testedUntil"),
    ),
    "end before start": (
        set_administration_member("testedUntil", "2024-04-23"),
        ("invalidMember", ADMINISTRATION, None, "testedUntil"),
    ),
    "empty name": (
        set_administration_member("name", ""),
        ("invalidMember", ADMINISTRATION, None, "name"),
    ),
    "unknown member": (
        set_administration_member("grade", 4),
        ("unknownMember", ADMINISTRATION, None, "grade"),
    ),
}


@pytest.mark.parametrize("name", MANIFEST_FAULTS)
def test_invalid_manifest_is_reported(session: Session, tmp_path: Path, name: str) -> None:
    change, place = MANIFEST_FAULTS[name]
    delivery = full(2)
    change(delivery)

    assert place in import_refused(session, delivery, tmp_path)["places"]


@pytest.mark.parametrize("name", ADMINISTRATION_FAULTS)
def test_invalid_administration_is_reported(session: Session, tmp_path: Path, name: str) -> None:
    change, place = ADMINISTRATION_FAULTS[name]
    delivery = full(2)
    change(delivery)

    assert import_refused(session, delivery, tmp_path)["places"] == [place]


def test_unreadable_delivery_leaves_a_row_with_a_report(session: Session, tmp_path: Path) -> None:
    outcome = run_import(session, tmp_path)

    row = session.execute(select(Delivery)).scalar_one()
    assert places(outcome) == [("manifestMissing", MANIFEST, None, None)]
    assert (row.status, row.reference, row.mode, row.sequence) == ("refused", None, None, None)


def test_same_manifest_with_changed_bytes_is_refused(session: Session, tmp_path: Path) -> None:
    path = full().write(tmp_path)
    assert run_import(session, path).status == "applied"
    results = path / "results.csv"
    results.write_bytes(results.read_bytes().replace(b"reported,C", b"reported,D"))

    outcome = run_import(session, path)

    assert outcome.status == "refused"
    assert places(outcome) == [("hashMismatch", MANIFEST, None, "files.results.csv.sha256")]


def test_correction_of_an_unknown_administration_is_refused(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    delivery.manifest["mode"] = "correction"
    delivery.administration = None

    outcome = run_import(session, delivery.write(tmp_path))

    assert ("unknownAdministration", MANIFEST, None, "administrationId") in places(outcome)


def test_refused_delivery_may_be_submitted_again(session: Session, tmp_path: Path) -> None:
    broken = full()
    broken.set("results.csv", 2, "level", "F")
    assert run_import(session, broken.write(tmp_path / "broken")).status == "refused"

    assert run_import(session, full().write(tmp_path / "right")).status == "applied"


def test_manifest_has_entries_for_every_other_file_of_the_format() -> None:
    assert [MANIFEST, *FileEntries.__annotations__] == list(FILE_NAMES)


@pytest.mark.parametrize(
    ("sequence", "remedy"),
    [
        (1, "Deliveries up to number 1 were applied. If this one is newer than these, give it"),
        (3, "Submit the delivery with number 2 first. If there is none, give this one that number"),
    ],
)
def test_advice_for_a_sequence_number_depends_on_what_was_applied(
    session: Session, tmp_path: Path, sequence: int, remedy: str
) -> None:
    delivery = full(2)
    delivery.manifest["sequence"] = sequence
    (fault,) = import_refused(session, delivery, tmp_path)["faults"]
    assert fault["remedy"].startswith(remedy)
