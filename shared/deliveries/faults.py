"""The faults of a delivery, each with its place and remedy, and the report of all faults."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from shared.deliveries.delivery_format import (
    FILE_NAMES,
)
from shared.deliveries.file_format import FileFormat
from shared.deliveries.insz import is_valid_insz

MAX_LISTED_FAULTS: Final = 1000
"""Number of faults that a report lists; every other fault is only counted by kind."""

_MAX_FOLDED_LINES: Final = 10_000
_MAX_QUOTED_LENGTH: Final = 80
_MAY_BE_INSZ = re.compile(
    r"(?<![0-9A-Za-z])\d{2}[. /-]?\d{2}[. /-]?\d{2}[. /-]?\d{3}[. /-]?\d{2}(?![0-9A-Za-z])"
)
_MAY_BE_STAMNUMMER = re.compile(r"(?<![0-9])[0-9]{7}(?![0-9])")
_NOT_A_NAME = re.compile(r"[A-Z]|[^\s,;0-9]*[0-9][^\s,;]*")
_ELEVEN_DIGITS = re.compile(r"(?=([0-9]{11}))")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One error in a delivery, with its place and remedy.

    `line` is the physical line on which the record starts (the header is line 1); `column` is a
    column of a CSV file or the path of a member of a JSON file. `value` has passed `quotable`.
    """

    kind: str
    detail: str
    remedy: str
    file: str | None = None
    line: int | None = None
    column: str | None = None
    value: str | None = None

    def as_json(self) -> dict[str, Any]:
        members = ("kind", "file", "line", "column", "value", "detail", "remedy")
        present = ((name, getattr(self, name)) for name in members)
        return {name: value for name, value in present if value is not None}

    @property
    def place(self) -> tuple[int, int, str, str]:
        """The sort key: file in the order of the format, then line."""
        order = FILE_NAMES.index(self.file) if self.file in FILE_NAMES else -1
        return order, self.line or 0, self.column or "", self.kind


def quotable(value: str | None, *, is_about_students: bool = False) -> str | None:
    """Return the value for a report, or None if it may be a name or number of a person.

    `is_about_students` is for a file in which any column may contain a name by mistake: only a
    letter or a word with a digit is quoted there, unless it may be a stamnummer.
    """
    if value is None or _MAY_BE_INSZ.search(value):
        return None
    if is_about_students and (not _NOT_A_NAME.fullmatch(value) or _MAY_BE_STAMNUMMER.search(value)):
        return None
    if any(is_valid_insz(found[1]) for found in _ELEVEN_DIGITS.finditer(value)):
        return None
    plain = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    return plain if len(plain) <= _MAX_QUOTED_LENGTH else f"{plain[: _MAX_QUOTED_LENGTH - 1]}…"


class FaultLog:
    """Counts of all faults, and the first faults of each file; its size is bounded."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._kept: dict[str | None, list[Fault]] = {}

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        self._keep(fault)

    def add_counted(self, faults: Iterable[Fault], kind: str, total: int) -> None:
        """Add `total` faults of one kind in one file, given the first of them by line."""
        self.counts[kind] += total
        for fault in faults:
            self._keep(fault)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the first faults by file and line."""
        kept = sorted(
            (fault for faults in self._kept.values() for fault in faults), key=attrgetter("place")
        )
        return [fault.as_json() for fault in kept[:MAX_LISTED_FAULTS]]

    def _keep(self, fault: Fault) -> None:
        faults = self._kept.setdefault(fault.file if fault.file in FILE_NAMES else None, [])
        faults.append(fault)
        if len(faults) >= 2 * MAX_LISTED_FAULTS:
            faults.sort(key=attrgetter("place"))
            del faults[MAX_LISTED_FAULTS:]


class Findings:
    """The faults, warnings and row counts of one delivery.

    `incomplete` are the files of which not every row could be read: a reference to such a file
    is not checked. `folded` are the first lines of a file of which a code was changed by `fold`.
    """

    def __init__(self) -> None:
        self.faults = FaultLog()
        self.warnings = FaultLog()
        self.rows: dict[str, int] = {}
        self.incomplete: set[str] = set()
        self.folded: dict[str, list[int]] = {}

    def add_folded(self, file: FileFormat, line: int) -> None:
        lines = self.folded.setdefault(file.name, [])
        if len(lines) < _MAX_FOLDED_LINES:
            lines.append(line)

    def report(self, changes: dict[str, dict[str, int]] | None = None) -> dict[str, Any]:
        """Return the report in `GET /deliveries/{id}`; its counts cover unlisted faults too."""
        return {
            "rows": {name: self.rows[name] for name in FILE_NAMES if name in self.rows},
            "changes": changes or {},
            "faults": self.faults.as_json(),
            "faultCounts": dict(sorted(self.faults.counts.items())),
            "warnings": self.warnings.as_json(),
            "warningCounts": dict(sorted(self.warnings.counts.items())),
        }
