"""The two JSON files of a delivery: the manifest, and the facts of the administration."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
)
from typing_extensions import TypedDict

from shared.deliveries.delivery_format import (
    ADMINISTRATION,
    MANIFEST,
)
from shared.deliveries.faults import Fault, FaultLog
from shared.deliveries.file_format import FORMAT_1_1
from shared.deliveries.json_file import (
    JsonModel,
    expected,
    invalid_member,
    newer_member,
    parse_json,
)
from shared.deliveries.text_checks import is_blank

Mode = Literal["full", "correction"]

_NOT_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")
_PLAIN: Final = "without blanks around it, control characters and U+FFFD"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_INSTANT_LENGTH: Final = 64


def _require_text(value: str) -> str:
    if is_blank(value) or value.strip() != value or _NOT_TEXT.search(value):
        raise ValueError("empty, padded, or with a control or replacement character")
    return value


def _parse_date(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("not an ISO 8601 date")
    return date.fromisoformat(value)


def _parse_instant(value: object) -> datetime:
    if not isinstance(value, str) or len(value) > _MAX_INSTANT_LENGTH:
        raise ValueError("not an ISO 8601 date and time")
    return datetime.fromisoformat(_require_text(value))


def _require_school_year(value: str) -> str:
    if int(value[5:]) != int(value[:4]) + 1:
        raise ValueError("not two consecutive years")
    return value


AdministrationId = Annotated[
    str,
    Field(pattern="^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$"),
    expected("1 to 32 letters, digits, points, hyphens or underscores"),
]
Day = Annotated[date, BeforeValidator(_parse_date), expected("a date such as 2024-04-24")]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_parse_instant),
    expected("a date and time with its UTC offset, such as 2024-06-10T09:00:00+02:00"),
]
SchoolYear = Annotated[
    str,
    Field(pattern="^[0-9]{4}-[0-9]{4}$"),
    AfterValidator(_require_school_year),
    expected("two consecutive years, such as 2023-2024"),
]


class FileEntry(JsonModel):
    """The entry of one file in the manifest: its number of data rows, and its hash."""

    rows: Annotated[int, Field(ge=0, lt=2**31), expected("a whole number, 0 or more")]
    sha256: Annotated[
        str,
        Field(pattern="^[0-9A-Fa-f]{64}$"),
        AfterValidator(str.lower),
        expected("64 hexadecimal digits"),
    ]


FileEntries = TypedDict(
    "FileEntries",
    {
        "administration.json": FileEntry,
        "target_groups.csv": FileEntry,
        "components.csv": FileEntry,
        "levels.csv": FileEntry,
        "level_descriptions.csv": FileEntry,
        "schools.csv": FileEntry,
        "class_groups.csv": FileEntry,
        "students.csv": FileEntry,
        "results.csv": FileEntry,
        "item_results.csv": FileEntry,
        "references.csv": FileEntry,
    },
    total=False,
)


class Manifest(JsonModel):
    """The content of delivery.json."""

    format_version: Annotated[Literal["1.0", "1.1"], expected('"1.0" or "1.1"')] = Field(
        alias="formatVersion"
    )
    delivery_id: Annotated[
        str,
        Field(max_length=128),
        AfterValidator(_require_text),
        expected(f"a text of 1 to 128 characters, {_PLAIN}"),
    ] = Field(alias="deliveryId")
    administration_id: AdministrationId = Field(alias="administrationId")
    mode: Annotated[Mode, expected("full or correction")]
    sequence: Annotated[int, Field(ge=1, lt=2**31), expected("a whole number, 1 or more")]
    created_at: Instant = Field(alias="createdAt")
    files: FileEntries
    allow_removals: Annotated[
        int | None, Field(ge=0, lt=2**31), expected("a whole number, 0 or more")
    ] = Field(default=None, alias="allowRemovals")

    @field_validator("allow_removals")
    @classmethod
    def _require_format_1_1(cls, value: int | None, info: ValidationInfo) -> int | None:
        version = info.data.get("format_version", FORMAT_1_1)
        if version < FORMAT_1_1:
            raise newer_member(version, FORMAT_1_1)
        return value

    @property
    def entries(self) -> Mapping[str, FileEntry]:
        """The entries by name of file, in the order of the format."""
        return cast("Mapping[str, FileEntry]", self.files)

    @property
    def content_sha256(self) -> bytes:
        """A hash that is the same for two deliveries of the same content.

        What may be removed is not content, no more than the moment of creation.
        """
        content = {
            "administrationId": self.administration_id,
            "files": {name: entry.model_dump() for name, entry in self.entries.items()},
            "mode": self.mode,
            "sequence": self.sequence,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()


class AdministrationFacts(JsonModel):
    """The content of administration.json."""

    id: AdministrationId
    school_year: SchoolYear = Field(alias="schoolYear")
    name: Annotated[
        str,
        Field(max_length=200),
        AfterValidator(_require_text),
        expected(f"a text of 1 to 200 characters, {_PLAIN}"),
    ]
    tested_from_on: Day = Field(alias="testedFrom")
    tested_until_on: Day = Field(alias="testedUntil")

    @field_validator("tested_from_on", "tested_until_on")
    @classmethod
    def _require_day_of_school_year(cls, day: date, info: ValidationInfo) -> date:
        school_year = info.data.get("school_year")
        if school_year is None:
            return day
        first, last = f"{school_year[:4]}-09-01", f"{school_year[5:]}-08-31"
        if not first <= day.isoformat() <= last:
            raise invalid_member(f"a date in the school year, from {first} to {last}")
        return day

    @field_validator("tested_until_on")
    @classmethod
    def _require_order(cls, day: date, info: ValidationInfo) -> date:
        if day < info.data.get("tested_from_on", day):
            raise invalid_member("a date that is not before testedFrom")
        return day


def parse_manifest(data: bytes, faults: FaultLog) -> Manifest | None:
    """Return the manifest, or None after adding its faults."""
    return parse_json(data, Manifest, MANIFEST, "manifestBroken", faults)


def parse_administration(data: bytes, faults: FaultLog) -> AdministrationFacts | None:
    """Return the facts of the administration, or None after adding their faults."""
    return parse_json(data, AdministrationFacts, ADMINISTRATION, "administrationBroken", faults)


def mismatched_administration(found: str) -> Fault:
    """Return the fault of an administration.json with another id than the manifest."""
    return Fault(
        "administrationMismatch",
        "The file has another administration id than the manifest.",
        "Use the same administration id in both files.",
        ADMINISTRATION,
        column="id",
        value=found,
    )


def changed_school_year(found: str) -> Fault:
    """Return the fault of an administration.json with another school year than the stored one."""
    return Fault(
        "changedMeaning",
        "The administration is stored with another school year.",
        "Give each administration an id of its own. A full delivery can change the school year.",
        ADMINISTRATION,
        column="schoolYear",
        value=found,
    )
