"""Encoders from the records of a CSV file to rows in the text format of PostgreSQL's COPY."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from shared.core.collation import class_list_key, sort_key
from shared.deliveries.csv_header import Header
from shared.deliveries.csv_reader import PlainLines, Record
from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    HASHED,
    ITEM_RESULTS,
    SORT_KEY,
    STUDENTS,
)
from shared.deliveries.faults import Fault, FaultLog
from shared.deliveries.file_format import FileFormat
from shared.deliveries.insz import hash_insz, is_valid_insz

MAX_ITEMS_PER_ROW: Final = 500
"""Limit of the items in one staged row, so that no delivery makes a row grow without bound."""

_CLASS_LIST_COLUMNS: Final = ("class_group", "family_name", "given_name", "student")
"""The columns of a student that `class_list_key` takes."""

_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class RowEncoder(Protocol):
    """Encoder of the data of one COPY, into `columns` that are separated by `delimiter`."""

    columns: tuple[str, ...]
    delimiter: str

    def encode(self, part: PlainLines | Record) -> str: ...

    def finish(self) -> str:
        """Return the rows that are still held back."""
        ...


def encoder_for(
    file: FileFormat, header: Header, insz_key: bytes, faults: FaultLog
) -> "RowEncoder":
    if file is ITEM_RESULTS:
        return ItemRunEncoder(header)
    if file is CLASS_GROUPS:
        return SortedEncoder(header, ("class_group",), sort_key)
    if file is STUDENTS:
        return StudentEncoder(file, header, insz_key, faults)
    return LineEncoder(header)


class LineEncoder:
    """Encoder of rows in the order of the delivered columns, after their line number.

    A line without quotes differs from a line of COPY text in its backslashes only, so it is
    never split into fields.
    """

    def __init__(self, header: Header) -> None:
        self.columns = ("line", *header.names)
        self.delimiter = header.delimiter
        self._escapes = str.maketrans(_ESCAPES | {self.delimiter: f"\\{self.delimiter}"})

    def encode(self, part: PlainLines | Record) -> str:
        delimiter = self.delimiter
        if isinstance(part, Record):
            values = [field.translate(self._escapes) for field in part.fields]
            return f"{part.line}{delimiter}{delimiter.join(values)}\n"
        numbered = enumerate(part.lines, part.first_line)
        text = "".join([f"{number}{delimiter}{line}\n" for number, line in numbered])
        return text.replace("\\", "\\\\") if "\\" in text else text

    def finish(self) -> str:
        return ""


class SortedEncoder(LineEncoder):
    """Encoder that adds the sort key of each row, which `key_of` makes from the columns `names`."""

    def __init__(self, header: Header, names: Sequence[str], key_of: Callable[..., str]) -> None:
        super().__init__(header)
        self.columns = (*self.columns, SORT_KEY)
        self._indexes = tuple(map(header.names.index, names))
        self._key_of = key_of

    def encode(self, part: PlainLines | Record) -> str:
        if isinstance(part, Record):
            return self._encode_fields(part.line, part.fields)
        rows = (line.split(self.delimiter) for line in part.lines)
        numbered = enumerate(rows, part.first_line)
        return "".join([self._encode_fields(line, fields) for line, fields in numbered])

    def _encode_fields(self, line: int, fields: list[str]) -> str:
        values = [field.translate(self._escapes) for field in self._values(line, fields)]
        return f"{line}{self.delimiter}{self.delimiter.join(values)}\n"

    def _values(self, _line: int, fields: list[str]) -> list[str]:
        return [*fields, self._key_of(*[fields[index] for index in self._indexes])]


class StudentEncoder(SortedEncoder):
    """Encoder that replaces each INSZ by its keyed hash: no number reaches the database."""

    def __init__(self, file: FileFormat, header: Header, insz_key: bytes, faults: FaultLog) -> None:
        super().__init__(header, _CLASS_LIST_COLUMNS, class_list_key)
        self.columns = tuple(HASHED.get(name, name) for name in self.columns)
        self._hashed = [(at, name) for at, name in enumerate(header.names) if name in HASHED]
        self._file = file.name
        self._key = insz_key
        self._faults = faults

    def _values(self, line: int, fields: list[str]) -> list[str]:
        values = super()._values(line, fields)
        for at, column in self._hashed:
            values[at] = self._hash(line, column, fields[at])
        return values

    def _hash(self, line: int, column: str, insz: str) -> str:
        if not insz:
            return ""
        if is_valid_insz(insz):
            return f"\\x{hash_insz(self._key, insz).hex()}"
        detail = "The INSZ is not 11 digits of which the last two are the check digits."
        remedy = "Correct the number (a spreadsheet drops leading zeros), or leave it empty."
        self._faults.add(Fault("inszCheck", detail, remedy, self._file, line, column))
        return ""


class ItemRunEncoder:
    """Encoder of consecutive rows of one student and component into one row with two arrays.

    The items of a run are on consecutive lines and differ from each other, so nothing is lost:
    item number i is on line + i - 1.
    """

    columns: tuple[str, ...] = ("line", "student", "component", "items", "correct")
    delimiter = "\t"

    def __init__(self, header: Header) -> None:
        names = header.names
        self._indexes = tuple(map(names.index, ("student", "component", "item", "correct")))
        self._input_delimiter = header.delimiter
        self._key = ("", "")
        self._line = 0
        self._answers: dict[str, str] = {}

    def encode(self, part: PlainLines | Record) -> str:
        if isinstance(part, Record):
            return "".join(self._runs([(part.line, part.fields)]))
        delimiter = self._input_delimiter
        rows = (
            (line, text.split(delimiter)) for line, text in enumerate(part.lines, part.first_line)
        )
        return "".join(self._runs(rows))

    def finish(self) -> str:
        finished = self._finish_run() if self._answers else ""
        self._answers = {}
        return finished

    def _runs(self, rows: Iterable[tuple[int, list[str]]]) -> Iterable[str]:
        student, component, item, correct = self._indexes
        answers = self._answers
        for line, fields in rows:
            key = fields[student], fields[component]
            name = fields[item]
            count = len(answers)
            is_same = key == self._key and line == self._line + count and count < MAX_ITEMS_PER_ROW
            if answers and (not is_same or name in answers):
                yield self._finish_run()
                answers = self._answers = {}
            if not answers:
                self._key, self._line = key, line
            answers[name] = fields[correct]

    def _finish_run(self) -> str:
        items, correct = _array(self._answers), _array(self._answers.values())
        student, component = (_escape(value) for value in self._key)
        return f"{self._line}\t{student}\t{component}\t{items}\t{correct}\n"


def _array(values: Iterable[str]) -> str:
    """Return an array literal, escaped for COPY; an empty value is NULL, as in every column."""
    values = list(values)
    joined = '","'.join(values)
    if "\\" in joined or "" in values or joined.count('"') != 2 * (len(values) - 1):
        quoted = ('"' + _escape_element(value) + '"' if value else "NULL" for value in values)
        return _escape(f"{{{','.join(quoted)}}}")
    return f'{{"{joined}"}}'


def _escape_element(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _escape(value: str) -> str:
    return value.translate(_TAB_SEPARATED)


_TAB_SEPARATED: Final = str.maketrans(_ESCAPES)
