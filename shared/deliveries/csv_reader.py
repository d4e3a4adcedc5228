"""Reads a CSV file once, as a stream of rows with their lines; RFC 4180 to the letter."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from shared.deliveries.csv_header import Header, parse_header
from shared.deliveries.delivery_format import FileFormat
from shared.deliveries.faults import Fault, Findings
from shared.deliveries.source_files import MeasuredStream, UnreadableDeliveryError

MAX_RECORD: Final = 64 * 1024
"""Characters of one record; more than any real one has, and a bound on what is held."""

_BOM: Final = b"\xef\xbb\xbf"
_CONTROL_BYTES: Final = bytes(code for code in range(32) if code not in b"\r\n") + b"\x7f"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_CONTROL_BUT_BREAKS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_UNDECODED: Final = re.compile(r"[\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Lines without quotes, one record each, with the right number of fields."""

    first_line: int
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Record:
    """One record whose fields had to be looked at one by one."""

    line: int
    fields: list[str]


class CsvReader:
    """Yields what can be read of one file; what cannot is a fault, and makes it incomplete.

    After the header is known (`header` is not None) iterate once. A value with a character that
    is refused is passed on with that character replaced, so that later checks still see the row.
    """

    def __init__(self, stream: MeasuredStream, file: FileFormat, findings: Findings) -> None:
        self.rows = 0
        self.was_cut_short = False
        self._file = file
        self._findings = findings
        self._texts = _whole_lines(stream)
        self._line = 1
        self._open: list[str] = []
        self._open_line = 0
        self._open_size = 0
        self._rest = ""
        self.header = self._read_header()

    def __iter__(self) -> Iterator[PlainLines | Record]:
        header = self.header
        if header is None:
            return
        try:
            for text, is_clean in self._remaining():
                yield from self._read(text, header, is_clean=is_clean)
            if self._open:
                raise self._unreadable(self._open_line, "unbalancedQuotes")
        except UnreadableDeliveryError as error:
            self._cut_short(error.fault)

    def _read_header(self) -> Header | None:
        try:
            text, is_clean = next(self._texts, ("", True))
        except UnreadableDeliveryError as error:
            self._cut_short(error.fault)
            return None
        first, _, self._rest = text.partition("\n")
        self._rest_is_clean = is_clean
        self._line = 2
        header = parse_header(first.removesuffix("\r"), self._file, self._findings.faults)
        if header is None:
            self._findings.incomplete.add(self._file.name)
            self.was_cut_short = True
        return header

    def _cut_short(self, fault: Fault) -> None:
        self._findings.faults.add(fault)
        self._findings.incomplete.add(self._file.name)
        self.was_cut_short = True

    def _remaining(self) -> Iterator[tuple[str, bool]]:
        if self._rest:
            yield self._rest, self._rest_is_clean
            self._rest = ""
        yield from self._texts

    def _read(self, text: str, header: Header, *, is_clean: bool) -> Iterator[PlainLines | Record]:
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        if is_clean and not self._open and '"' not in text:
            separators = set(map(str.count, lines, repeat(header.delimiter)))
            if separators == {len(header.columns) - 1}:
                yield PlainLines(self._line, lines)
                self._line += len(lines)
                self.rows += len(lines)
                return
        for line in lines:
            record = self._take(line, header)
            self._line += 1
            if record is not None:
                yield record

    def _take(self, line: str, header: Header) -> Record | None:
        """The record that ends with this line, if one does."""
        is_odd = line.count('"') % 2 == 1
        if not self._open and not is_odd:
            return self._complete(self._line, line, header)
        if not self._open:
            if not header.unfinished.fullmatch(line):
                self.rows += 1
                self._skip(self._line, "unbalancedQuotes")
                return None
            self._open_line, self._open_size = self._line, 0
        self._open.append(line)
        self._open_size += len(line) + 1
        if self._open_size > MAX_RECORD:
            raise self._unreadable(self._open_line, "unbalancedQuotes")
        if not is_odd or len(self._open) == 1:
            return None
        whole, self._open = "\n".join(self._open), []
        if not header.record.fullmatch(whole.removesuffix("\r")):
            raise self._unreadable(self._open_line, "unbalancedQuotes")
        return self._complete(self._open_line, whole, header)

    def _complete(self, line: int, text: str, header: Header) -> Record | None:
        self.rows += 1
        text = text.removesuffix("\r")
        text = self._replace_undecoded(line, text)
        if '"' not in text:
            fields = text.split(header.delimiter)
        elif len(text) > MAX_RECORD:
            self._skip(line, "recordTooLong")
            return None
        elif header.record.fullmatch(text):
            fields = next(csv.reader([text], delimiter=header.delimiter, strict=True))
        else:
            self._skip(line, "unbalancedQuotes")
            return None
        if len(fields) != len(header.columns):
            self._skip(line, "fieldCount", f"{len(header.columns)} are expected")
            return None
        return Record(line, self._without_controls(line, fields, header))

    def _replace_undecoded(self, line: int, text: str) -> str:
        if _UNDECODED.search(text) is None:
            return text
        self._add("badUtf8", line, "The record is not UTF-8.", "Write the file in UTF-8.")
        return _UNDECODED.sub(_REPLACEMENT, text)

    def _without_controls(self, line: int, fields: list[str], header: Header) -> list[str]:
        clean = fields
        for index, (field, column) in enumerate(zip(fields, header.columns, strict=True)):
            refused = _CONTROL_BUT_BREAKS if column.has_line_breaks else _CONTROL
            if refused.search(field) is None:
                continue
            kind, what = (
                ("nulByte", "a NUL byte")
                if "\0" in field
                else (
                    "controlCharacter",
                    "a control character",
                )
            )
            self._add(kind, line, f"The value holds {what}.", "Take it out.", column.name)
            clean = [*clean[:index], refused.sub(_REPLACEMENT, field), *clean[index + 1 :]]
        return clean

    def _skip(self, line: int, kind: str, expected: str = "") -> None:
        self._findings.faults.add(self._structural(line, kind, expected))
        self._findings.incomplete.add(self._file.name)

    def _unreadable(self, line: int, kind: str) -> UnreadableDeliveryError:
        return UnreadableDeliveryError(self._structural(line, kind))

    def _structural(self, line: int, kind: str, expected: str = "") -> Fault:
        detail, remedy = {
            "unbalancedQuotes": (
                "The quotes of the record are not balanced, or stand inside a bare value.",
                "Put a value with a quote between quotes and double each quote inside.",
            ),
            "recordTooLong": (
                "The record is far longer than a record can be.",
                "Check its quotes, and shorten its values.",
            ),
            "fieldCount": (
                f"The record has another number of fields than the header: {expected}.",
                "Give every record one field per column, empty ones included.",
            ),
        }[kind]
        return Fault(kind, detail, remedy, self._file.name, line)

    def _add(
        self, kind: str, line: int, detail: str, remedy: str, column: str | None = None
    ) -> None:
        self._findings.faults.add(Fault(kind, detail, remedy, self._file.name, line, column))


def _whole_lines(stream: MeasuredStream) -> Iterator[tuple[str, bool]]:
    """Text that ends at a line's end, and whether no byte of it needs a closer look.

    Bytes that are not UTF-8 come out as lone surrogates.

    Raises:
        UnreadableDeliveryError: the file is damaged, or a line is longer than a record may be.
    """
    held = b""
    is_first = True
    while data := stream.read():
        if is_first:
            data, is_first = data.removeprefix(_BOM), False
        cut = data.rfind(b"\n") + 1
        if cut:
            yield _decode(held + data[:cut])
            held = data[cut:]
        else:
            held += data
        if len(held) > 4 * MAX_RECORD:
            detail = "The file holds a line that is far longer than a record can be."
            remedy = "End every record with a line break."
            raise UnreadableDeliveryError(Fault("recordTooLong", detail, remedy, stream.name))
    if held:
        yield _decode(held)


def _decode(data: bytes) -> tuple[str, bool]:
    is_clean = len(data.translate(None, _CONTROL_BYTES)) == len(data)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text, is_clean = data.decode(errors="surrogateescape"), False
    if b"\xc2" in data or b"\xef\xbf" in data:
        is_clean = is_clean and _CONTROL_BUT_BREAKS.search(text) is None
    if is_clean and "\r" in text:
        lines = text.replace("\r\n", "\n")
        return (lines, True) if "\r" not in lines and '"' not in lines else (text, False)
    return text, is_clean
