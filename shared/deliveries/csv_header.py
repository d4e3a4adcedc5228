"""The header row of a CSV file: which column stands where, and what separates fields."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.deliveries.delivery_format import Column, FileFormat
from shared.deliveries.faults import Fault, FaultLog, showable

DELIMITERS: Final = (",", ";")
MAX_NAMES: Final = 100
"""So many names of a header are looked at; no file has a tenth of them."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """`record` matches a whole record, `unfinished` one whose last field is still open."""

    columns: tuple[Column, ...]
    delimiter: str
    record: re.Pattern[str] = field(init=False)
    unfinished: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        bare, quoted = f'[^"{self.delimiter}\\r\\n]*+', '"[^"]*+(?:""[^"]*+)*+"'
        value = f"(?:{quoted}|{bare})"
        record = f"{value}(?:{self.delimiter}{value})*+"
        unfinished = f'(?:{value}{self.delimiter})*+"[^"]*+(?:""[^"]*+)*+'
        object.__setattr__(self, "record", re.compile(record))
        object.__setattr__(self, "unfinished", re.compile(unfinished))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def parse_header(line: str, file: FileFormat, faults: FaultLog) -> Header | None:
    """None when rows cannot be told apart by it; `faults` then says why."""
    if not line:
        remedy = "Put the names of the columns in the first line."
        faults.add(Fault("headerMissing", "The file has no header row.", remedy, file.name, 1))
        return None
    delimiter = max(DELIMITERS, key=line.count)
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        remedy = "Write the names of the columns without quotes."
        detail = "The quotes of the header row are not balanced."
        faults.add(Fault("unbalancedQuotes", detail, remedy, file.name, 1))
        return None
    found = list(_faults_of(names, file))
    for fault in found:
        faults.add(fault)
    return None if found else Header(tuple(file.column(name) for name in names), delimiter)


def _faults_of(names: list[str], file: FileFormat) -> Iterable[Fault]:
    known = {column.name for column in file.columns}
    for position, name in enumerate(names[:MAX_NAMES], 1):
        if name not in known:
            # Where a header was forgotten, the first row stands in its place, names and all.
            is_shown = not file.holds_names and _IDENTIFIER.fullmatch(name)
            yield Fault(
                "unknownColumn",
                f"The format knows no such column; it is number {position} in the header.",
                f"Leave it out, or name it as the format does: {', '.join(sorted(known))}.",
                file.name,
                1,
                value=showable(name) if is_shown else None,
            )
    for name, count in Counter(names).items():
        if name in known and count > 1:
            remedy = "Leave one of them out."
            detail = "The header names the column twice."
            yield Fault("duplicateColumn", detail, remedy, file.name, 1, name)
    for column in file.columns:
        if column.name not in names and not column.is_optional:
            remedy = "Add it."
            detail = "The header lacks a column."
            yield Fault("missingColumn", detail, remedy, file.name, 1, column.name)
