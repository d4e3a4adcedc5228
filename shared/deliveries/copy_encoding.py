"""Turns what was read of a file into rows for COPY: text format, one line of input a row."""

from collections.abc import Iterable
from typing import Final, Protocol

from shared.deliveries.csv_header import Header
from shared.deliveries.csv_reader import PlainLines, Record
from shared.deliveries.delivery_format import INSZ, ITEM_RESULTS, FileFormat
from shared.deliveries.faults import Fault, FaultLog
from shared.deliveries.insz import hash_insz, is_valid_insz

MAX_RUN: Final = 500
"""Items of one staged row, so that no delivery makes a row grow without end."""

_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class RowEncoder(Protocol):
    """Makes the data of one COPY; `columns` and `delimiter` say how it is to be read."""

    columns: tuple[str, ...]
    delimiter: str

    def encode(self, part: PlainLines | Record) -> str: ...

    def finish(self) -> str: ...


def encoder_for(
    file: FileFormat, header: Header, insz_key: bytes, faults: FaultLog
) -> "RowEncoder":
    if file is ITEM_RESULTS:
        return ItemRunEncoder(header)
    if INSZ in header.names:
        return InszEncoder(file, header, insz_key, faults)
    return LineEncoder(header)


class LineEncoder:
    """Rows in the order of the delivered columns, with their line in front.

    A line without quotes differs from a line of COPY text in its backslashes only, so it is
    never taken apart.
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


class InszEncoder(LineEncoder):
    """Puts the keyed hash where the INSZ was: the number itself never reaches the database."""

    def __init__(self, file: FileFormat, header: Header, insz_key: bytes, faults: FaultLog) -> None:
        super().__init__(header)
        self.columns = tuple("insz_hash" if name == INSZ else name for name in self.columns)
        self._index = header.names.index(INSZ)
        self._file = file.name
        self._key = insz_key
        self._faults = faults

    def encode(self, part: PlainLines | Record) -> str:
        if isinstance(part, Record):
            return self._encode_fields(part.line, part.fields)
        rows = (line.split(self.delimiter) for line in part.lines)
        numbered = enumerate(rows, part.first_line)
        return "".join([self._encode_fields(line, fields) for line, fields in numbered])

    def _encode_fields(self, line: int, fields: list[str]) -> str:
        values = [field.translate(self._escapes) for field in fields]
        values[self._index] = self._hashed(line, fields[self._index])
        return f"{line}{self.delimiter}{self.delimiter.join(values)}\n"

    def _hashed(self, line: int, insz: str) -> str:
        if not insz:
            return ""
        if is_valid_insz(insz):
            return f"\\\\x{hash_insz(self._key, insz).hex()}"
        detail = "The INSZ does not have 11 digits of which the last two check the others."
        remedy = "Correct the number, or leave it empty."
        self._faults.add(Fault("inszCheck", detail, remedy, self._file, line, INSZ))
        return ""


class ItemRunEncoder:
    """Rows of one student and component that follow each other become one row with two arrays.

    The items of a run stand on consecutive lines and differ from each other, so nothing is lost:
    item number i stands on line + i - 1.
    """

    columns: tuple[str, ...] = ("line", "student", "component", "items", "correct")
    delimiter = "\t"

    def __init__(self, header: Header) -> None:
        names = header.names
        self._places = tuple(map(names.index, ("student", "component", "item", "correct")))
        self._split_at = header.delimiter
        self._key = ("", "")
        self._line = 0
        self._answers: dict[str, str] = {}

    def encode(self, part: PlainLines | Record) -> str:
        if isinstance(part, Record):
            return "".join(self._runs([(part.line, part.fields)]))
        split_at = self._split_at
        rows = (
            (line, text.split(split_at)) for line, text in enumerate(part.lines, part.first_line)
        )
        return "".join(self._runs(rows))

    def finish(self) -> str:
        finished = self._finish_run() if self._answers else ""
        self._answers = {}
        return finished

    def _runs(self, rows: Iterable[tuple[int, list[str]]]) -> Iterable[str]:
        student, component, item, correct = self._places
        answers = self._answers
        for line, fields in rows:
            key = fields[student], fields[component]
            name = fields[item]
            count = len(answers)
            is_same = key == self._key and line == self._line + count and count < MAX_RUN
            if answers and (not is_same or name in answers):
                yield self._finish_run()
                answers = self._answers = {}
            if not answers:
                self._key, self._line = key, line
            answers[name] = fields[correct]

    def _finish_run(self) -> str:
        items, correct = _array(self._answers), _array(self._answers.values())
        student, component = (_escaped(part) for part in self._key)
        return f"{self._line}\t{student}\t{component}\t{items}\t{correct}\n"


def _array(values: Iterable[str]) -> str:
    """An array literal, escaped for COPY; an empty value is NULL, as everywhere."""
    values = list(values)
    joined = '","'.join(values)
    if "\\" in joined or "" in values or joined.count('"') != 2 * (len(values) - 1):
        quoted = ('"' + _in_array(value) + '"' if value else "NULL" for value in values)
        return _escaped(f"{{{','.join(quoted)}}}")
    return f'{{"{joined}"}}'


def _in_array(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(value: str) -> str:
    return value.translate(_TABULAR)


_TABULAR: Final = str.maketrans(_ESCAPES)
