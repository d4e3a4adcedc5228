"""What is wrong with a delivery: each fault with its place and remedy, and the report of all."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.insz import is_valid_insz

SHOWN_IN_FULL: Final = 1000
"""Faults that a report gives with their place; of the others it gives a count per kind."""

_SHOWN_CHARACTERS: Final = 80
_MAY_BE_INSZ = re.compile(
    r"(?<![0-9A-Za-z])\d{2}[. /-]?\d{2}[. /-]?\d{2}[. /-]?\d{3}[. /-]?\d{2}(?![0-9A-Za-z])"
)
_MAY_BE_STAMNUMMER = re.compile(r"(?<![0-9])[0-9]{7}(?![0-9])")
_NO_NAME = re.compile(r"[A-Z]|[^\s,;]*[0-9][^\s,;]*")
_ELEVEN_DIGITS = re.compile(r"(?=([0-9]{11}))")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where, and what to do about it.

    `line` is the physical line on which the record starts (the header is line 1); `column` is a
    column of a CSV file or the path of a member of a JSON file. `value` has passed `showable`.
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
        """Sorts faults as one reads a delivery: by file, then by line."""
        order = FILE_NAMES.index(self.file) if self.file in FILE_NAMES else -1
        return order, self.line or 0, self.column or "", self.kind


def showable(value: str | None, *, among_names: bool = False) -> str | None:
    """The value as a report may quote it, or None when it could name or number a person.

    `among_names` is for a file about students, where a shifted row or a slip puts a name in any
    column: only a letter or a word with a digit in it is quoted, unless it could be a stamnummer.
    """
    if value is None or _MAY_BE_INSZ.search(value):
        return None
    if among_names and (not _NO_NAME.fullmatch(value) or _MAY_BE_STAMNUMMER.search(value)):
        return None
    if any(is_valid_insz(found[1]) for found in _ELEVEN_DIGITS.finditer(value)):
        return None
    plain = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    return plain if len(plain) <= _SHOWN_CHARACTERS else f"{plain[: _SHOWN_CHARACTERS - 1]}…"


class FaultLog:
    """Counts every fault, and keeps the first ones of each file; its size has a bound."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._kept: dict[str | None, list[Fault]] = {}

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        self._keep(fault)

    def add_first_of(self, faults: Iterable[Fault], kind: str, total: int) -> None:
        """Takes the first faults, in order of line, of `total` faults of one kind in one file."""
        self.counts[kind] += total
        for fault in faults:
            self._keep(fault)

    def as_json(self) -> list[dict[str, Any]]:
        """The first faults by file and line."""
        kept = sorted(
            (fault for faults in self._kept.values() for fault in faults), key=attrgetter("place")
        )
        return [fault.as_json() for fault in kept[:SHOWN_IN_FULL]]

    def _keep(self, fault: Fault) -> None:
        faults = self._kept.setdefault(fault.file if fault.file in FILE_NAMES else None, [])
        faults.append(fault)
        if len(faults) >= 2 * SHOWN_IN_FULL:
            faults.sort(key=attrgetter("place"))
            del faults[SHOWN_IN_FULL:]


class Findings:
    """Everything found out about one delivery, from the first byte to the last check.

    `incomplete` names the files of which not every row could be read: a reference to such a file
    is not held against the row that makes it.
    """

    def __init__(self) -> None:
        self.faults = FaultLog()
        self.warnings = FaultLog()
        self.rows: dict[str, int] = {}
        self.incomplete: set[str] = set()

    def report(self, changes: dict[str, dict[str, int]] | None = None) -> dict[str, Any]:
        """What `GET /deliveries/{id}` shows; the counts cover all, also what is not listed."""
        return {
            "rows": {name: self.rows[name] for name in FILE_NAMES if name in self.rows},
            "changes": changes or {},
            "faults": self.faults.as_json(),
            "faultCounts": dict(sorted(self.faults.counts.items())),
            "warnings": self.warnings.as_json(),
            "warningCounts": dict(sorted(self.warnings.counts.items())),
        }
