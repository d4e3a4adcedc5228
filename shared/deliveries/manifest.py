"""The two JSON files of a delivery: the manifest, and the facts of the administration."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, Literal, cast

from shared.deliveries.delivery_format import ADMINISTRATION, FILE_NAMES, MANIFEST, VERSION
from shared.deliveries.faults import Fault, FaultLog
from shared.deliveries.json_file import JsonObject, parse_object

Mode = Literal["full", "correction"]

_ADMINISTRATION_ID: Final = "[0-9A-Za-z][0-9A-Za-z._-]{0,31}"
_ADMINISTRATION_ID_FORM: Final = "1 to 32 letters, digits, points, hyphens or underscores"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What the manifest says of one file: data rows, and the SHA-256 of its bytes."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    delivery_id: str
    administration_id: str
    mode: Mode
    sequence: int
    files: dict[str, FileEntry]

    @property
    def content_sha256(self) -> bytes:
        """Stands for all content: two deliveries with the same value say the same."""
        content = {
            "administrationId": self.administration_id,
            "files": {name: asdict(entry) for name, entry in self.files.items()},
            "mode": self.mode,
            "sequence": self.sequence,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()


@dataclass(frozen=True, slots=True)
class AdministrationFacts:
    id: str
    school_year: str
    name: str
    tested_from_on: date
    tested_until_on: date


def parse_manifest(data: bytes, faults: FaultLog) -> Manifest | None:
    """None when anything is wrong with it; `faults` then says what."""
    known_before = faults.counts.total()
    members = parse_object(data, MANIFEST, "manifestBroken", faults)
    if members is None:
        return None
    members.refuse_others_than(
        (
            "formatVersion",
            "deliveryId",
            "administrationId",
            "mode",
            "sequence",
            "createdAt",
            "files",
        )
    )
    version = members.text("formatVersion", 16, re.escape(VERSION), f'"{VERSION}"')
    delivery_id = members.text("deliveryId", 128)
    administration = members.text(
        "administrationId", 32, _ADMINISTRATION_ID, _ADMINISTRATION_ID_FORM
    )
    mode = members.text("mode", 16, "full|correction", "full or correction")
    sequence = members.whole_number("sequence", 1)
    created_at = _instant(members, "createdAt")
    files = _file_entries(members)
    if not (version and delivery_id and administration and mode and sequence and created_at):
        return None
    if files is None or faults.counts.total() > known_before:
        return None
    return Manifest(delivery_id, administration, cast("Mode", mode), sequence, files)


def parse_administration(data: bytes, faults: FaultLog) -> AdministrationFacts | None:
    """None when anything is wrong with it; `faults` then says what."""
    members = parse_object(data, ADMINISTRATION, "administrationBroken", faults)
    if members is None:
        return None
    members.refuse_others_than(("id", "schoolYear", "name", "testedFrom", "testedUntil"))
    id_ = members.text("id", 32, _ADMINISTRATION_ID, _ADMINISTRATION_ID_FORM)
    school_year = _school_year(members)
    name = members.text("name", 200)
    tested_from, tested_until = _day(members, "testedFrom"), _day(members, "testedUntil")
    if not (id_ and school_year and name and tested_from and tested_until):
        return None
    if tested_from > tested_until:
        members.invalid("testedUntil", "a day that is not before testedFrom")
        return None
    return AdministrationFacts(id_, school_year, name, tested_from, tested_until)


def _file_entries(members: JsonObject) -> dict[str, FileEntry] | None:
    files = members.object("files")
    if files is None:
        return None
    files.refuse_others_than(name for name in FILE_NAMES if name != MANIFEST)
    entries: dict[str, FileEntry] = {}
    for name in FILE_NAMES:
        if name == MANIFEST or name not in files.members:
            continue
        entry = files.object(name)
        if entry is None:
            continue
        entry.refuse_others_than(("rows", "sha256"))
        rows = entry.whole_number("rows", 0)
        sha256 = entry.text("sha256", 64, "[0-9A-Fa-f]{64}", "64 hexadecimal digits")
        if rows is not None and sha256 is not None:
            entries[name] = FileEntry(rows, sha256.lower())
    return entries


def _instant(members: JsonObject, name: str) -> datetime | None:
    form = "an instant with its offset, such as 2024-06-10T09:00:00+02:00"
    text = members.text(name, 64, form=form)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        members.invalid(name, form)
        return None
    if instant.tzinfo is None:
        members.invalid(name, form)
        return None
    return instant


def _day(members: JsonObject, name: str) -> date | None:
    form = "a date such as 2024-04-24"
    text = members.text(name, 10, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", form)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        members.invalid(name, form)
        return None


def _school_year(members: JsonObject) -> str | None:
    form = "two years in a row, such as 2023-2024"
    text = members.text("schoolYear", 9, r"[0-9]{4}-[0-9]{4}", form)
    if text is not None and int(text[5:]) != int(text[:4]) + 1:
        members.invalid("schoolYear", form)
        return None
    return text


def mismatched_administration(found: str) -> Fault:
    return Fault(
        "administrationMismatch",
        "The file is of another administration than the manifest names.",
        "Make both name the same administration.",
        ADMINISTRATION,
        column="id",
        value=found,
    )
