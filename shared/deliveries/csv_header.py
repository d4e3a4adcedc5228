"""The header row of a CSV file: the order of its columns, and the delimiter of its fields."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.deliveries.delivery_format import (
    MANIFEST,
)
from shared.deliveries.faults import Fault, FaultLog, quotable
from shared.deliveries.file_format import Column, FileFormat
from shared.deliveries.text_checks import fold

DELIMITERS: Final = (",", ";")
MAX_NAMES: Final = 100
"""Number of names in a header that are checked; no file of the format has a tenth of them."""

_OTHER_DELIMITERS: Final = ("\t", "|")
_SEPARATOR_LINE = re.compile(r"sep=.?", re.IGNORECASE)
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


def parse_header(line: str, file: FileFormat, version: str, faults: FaultLog) -> Header | None:
    """Return the header, or None after adding its faults; `version` is that of the format."""
    if file.since > version:
        faults.add(_newer_file_fault(file, version))
        return None
    if not line.strip() or _SEPARATOR_LINE.fullmatch(line):
        faults.add(_missing_header_fault(file))
        return None
    delimiter = max(DELIMITERS, key=line.count)
    if delimiter not in line and any(other in line for other in _OTHER_DELIMITERS):
        faults.add(_delimiter_fault(file))
        return None
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        remedy = "Write the names of the columns without quotes."
        detail = "The header row has a quote that is not closed."
        faults.add(Fault("unbalancedQuotes", detail, remedy, file.name, 1))
        return None
    names = [fold(name) for name in names]
    found = [*_header_faults(names, file), *_version_faults(names, file, version)]
    for fault in found:
        faults.add(fault)
    return None if found else Header(tuple(file.column(name) for name in names), delimiter)


def _newer_file_fault(file: FileFormat, version: str) -> Fault:
    return Fault(
        "newerFormat",
        f"Format {version} does not have this file.",
        f"Set formatVersion in {MANIFEST} to {file.since}, or remove the file.",
        file.name,
    )


def _missing_header_fault(file: FileFormat) -> Fault:
    return Fault(
        "headerMissing",
        "The first line is not a header row.",
        "Write the names of the columns on the first line, without a line such as sep=; before it.",
        file.name,
        1,
    )


def _delimiter_fault(file: FileFormat) -> Fault:
    return Fault(
        "unknownDelimiter",
        "The columns are separated by neither commas nor semicolons.",
        "Save the file as CSV with commas or semicolons, the same in the whole file.",
        file.name,
        1,
    )


def _version_faults(names: list[str], file: FileFormat, version: str) -> Iterable[Fault]:
    for column in file.columns:
        if column.name in names and column.since > version:
            yield Fault(
                "newerFormat",
                f"Format {version} does not have this column.",
                f"Set formatVersion in {MANIFEST} to {column.since}, or remove the column.",
                file.name,
                1,
                column.name,
            )


def _header_faults(names: list[str], file: FileFormat) -> Iterable[Fault]:
    known = {column.name for column in file.columns}
    for position, name in enumerate(names[:MAX_NAMES], 1):
        if name not in known:
            # Without a header row, the first row is read as one, and it may contain names.
            is_shown = not file.has_personal_data and _IDENTIFIER.fullmatch(name)
            yield Fault(
                "unknownColumn",
                f"The header has a name in position {position} that is not in the format.",
                f"Remove the column, or use a name of the format, in lower case: "
                f"{', '.join(sorted(known))}.",
                file.name,
                1,
                value=quotable(name) if is_shown else None,
            )
    for name, count in Counter(names).items():
        if name in known and count > 1:
            remedy = "Remove all but one."
            detail = "The header has this column more than once."
            yield Fault("duplicateColumn", detail, remedy, file.name, 1, name)
    for column in file.columns:
        if column.name not in names and not column.is_optional:
            remedy = "Add the column, or give it its name in the format."
            detail = "The header does not have this column, which is required."
            yield Fault("missingColumn", detail, remedy, file.name, 1, column.name)
