"""The header row of a CSV file: the order of its columns, and the delimiter of its fields."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.deliveries.delivery_format import Column, FileFormat
from shared.deliveries.faults import Fault, FaultLog, quotable

DELIMITERS: Final = (",", ";")
MAX_NAMES: Final = 100
"""Number of names in a header that are checked; no file of the format has a tenth of them."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """A valid header row.

    `record` matches a whole record, `unfinished` one whose last field has no closing quote yet.
    """

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
    """Return the header, or None after adding its faults."""
    if not line:
        remedy = "Write the names of the columns on the first line."
        faults.add(Fault("headerMissing", "The file has no header row.", remedy, file.name, 1))
        return None
    delimiter = max(DELIMITERS, key=line.count)
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        remedy = "Write the names of the columns without quotes."
        detail = "The header row has a quote that is not closed."
        faults.add(Fault("unbalancedQuotes", detail, remedy, file.name, 1))
        return None
    found = list(_header_faults(names, file))
    for fault in found:
        faults.add(fault)
    return None if found else Header(tuple(file.column(name) for name in names), delimiter)


def _header_faults(names: list[str], file: FileFormat) -> Iterable[Fault]:
    known = {column.name for column in file.columns}
    for position, name in enumerate(names[:MAX_NAMES], 1):
        if name not in known:
            # Without a header row, the first row is read as one, and it may contain names.
            is_shown = not file.has_personal_data and _IDENTIFIER.fullmatch(name)
            yield Fault(
                "unknownColumn",
                f"Column {position} of the header is not in the format.",
                f"Remove it, or use a column of the format: {', '.join(sorted(known))}.",
                file.name,
                1,
                value=quotable(name) if is_shown else None,
            )
    for name, count in Counter(names).items():
        if name in known and count > 1:
            remedy = "Remove one of them."
            detail = "The header has the column twice."
            yield Fault("duplicateColumn", detail, remedy, file.name, 1, name)
    for column in file.columns:
        if column.name not in names and not column.is_optional:
            remedy = "Add it."
            detail = "The header does not have this column."
            yield Fault("missingColumn", detail, remedy, file.name, 1, column.name)
