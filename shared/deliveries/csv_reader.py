"""Streaming reader of a CSV file (RFC 4180), which keeps the line number of each record."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Final, NamedTuple

from shared.deliveries.csv_header import Header, parse_header
from shared.deliveries.delivery_source import HashingStream, UnreadableDeliveryError
from shared.deliveries.faults import Fault, Findings
from shared.deliveries.field_checks import CONTROL_EXCEPT_BREAKS, FieldChecks
from shared.deliveries.file_format import FileFormat
from shared.deliveries.file_signatures import (
    carriage_return_fault,
    undecodable_fault,
    unreadable_csv_fault,
)
from shared.deliveries.text_checks import REPLACEMENT, needs_checks

MAX_RECORD_LENGTH: Final = 64 * 1024
"""Characters of one record: more than any real record has, and a bound on memory."""

_BOM: Final = b"\xef\xbb\xbf"
_CONTROL_BYTES: Final = bytes(code for code in range(32) if code not in b"\r\n") + b"\x7f"
_UNDECODED: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Lines without quotes, one record each, with the right number of fields."""

    first_line: int
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was split into its fields."""

    line: int
    fields: list[str]


class TextBlock(NamedTuple):
    """Text up to the end of a line; bytes that are not UTF-8 are lone surrogates in it.

    `is_clean` text has no such byte, no control character and no quoted carriage return.
    """

    text: str
    is_clean: bool


_EMPTY: Final = TextBlock("", is_clean=True)


class CsvReader:
    """Iterator over the readable records of one file; any other is a fault.

    Iterate once, after checking that `header` is not None. A character that is not allowed is
    replaced in its value, so that later checks still see the row.
    """

    def __init__(
        self, stream: HashingStream, file: FileFormat, version: str, findings: Findings
    ) -> None:
        self.rows = 0
        self.is_truncated = False
        self._file = file
        self._version = version
        self._findings = findings
        self._checks = FieldChecks(file, findings)
        self._texts = _read_whole_lines(stream)
        self._line = 1
        self._pending: list[str] = []
        self._pending_line = 0
        self._pending_size = 0
        self._rest = _EMPTY
        self.header = self._read_header()

    def __iter__(self) -> Iterator[PlainLines | Record]:
        header = self.header
        if header is None:
            return
        try:
            for text, is_clean in self._remaining():
                yield from self._read(text, header, is_clean=is_clean)
            if self._pending:
                raise self._unreadable(self._pending_line, "unbalancedQuotes")
        except UnreadableDeliveryError as error:
            self._truncate(error.fault)

    def _read_header(self) -> Header | None:
        try:
            block = next(self._texts, _EMPTY)
        except UnreadableDeliveryError as error:
            self._truncate(error.fault)
            return None
        first, _, rest = block.text.partition("\n")
        self._rest = TextBlock(rest, block.is_clean)
        self._line = 2
        header = parse_header(
            first.removesuffix("\r"), self._file, self._version, self._findings.faults
        )
        if header is None:
            self._findings.incomplete.add(self._file.name)
            self.is_truncated = True
        return header

    def _truncate(self, fault: Fault) -> None:
        self._findings.faults.add(fault)
        self._findings.incomplete.add(self._file.name)
        self.is_truncated = True

    def _remaining(self) -> Iterator[TextBlock]:
        if self._rest.text:
            yield self._rest
            self._rest = _EMPTY
        yield from self._texts

    def _read(self, text: str, header: Header, *, is_clean: bool) -> Iterator[PlainLines | Record]:
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        is_plain = is_clean and not self._pending and '"' not in text
        if is_plain and not needs_checks(text, header.delimiter):
            separators = set(map(str.count, lines, repeat(header.delimiter)))
            if separators == {len(header.columns) - 1}:
                yield PlainLines(self._line, lines)
                self._line += len(lines)
                self.rows += len(lines)
                return
        for line in lines:
            record = self._add_line(line, header)
            self._line += 1
            if record is not None:
                yield record

    def _add_line(self, line: str, header: Header) -> Record | None:
        """Add a line to the pending record, and return the record if the line completes it."""
        is_odd = line.count('"') % 2 == 1
        if not self._pending and not is_odd:
            return self._complete(self._line, line, header)
        if not self._pending:
            if not header.unfinished.fullmatch(line):
                self.rows += 1
                self._skip(self._line, "unbalancedQuotes")
                return None
            self._pending_line, self._pending_size = self._line, 0
        self._pending.append(line)
        self._pending_size += len(line) + 1
        if self._pending_size > MAX_RECORD_LENGTH:
            raise self._unreadable(self._pending_line, "unbalancedQuotes")
        if not is_odd or len(self._pending) == 1:
            return None
        whole, self._pending = "\n".join(self._pending), []
        if not header.record.fullmatch(whole.removesuffix("\r")):
            raise self._unreadable(self._pending_line, "unbalancedQuotes")
        return self._complete(self._pending_line, whole, header)

    def _complete(self, line: int, text: str, header: Header) -> Record | None:
        self.rows += 1
        text = text.removesuffix("\r")
        is_decoded = _UNDECODED.search(text) is None
        if not is_decoded:
            raw = text.encode(errors="surrogateescape")
            self._findings.faults.add(undecodable_fault(self._file.name, line, raw))
            text = _UNDECODED.sub(REPLACEMENT, text)
        if '"' not in text:
            fields = text.split(header.delimiter)
        elif len(text) > MAX_RECORD_LENGTH:
            self._skip(line, "recordTooLong")
            return None
        elif header.record.fullmatch(text):
            fields = next(csv.reader([text], delimiter=header.delimiter, strict=True))
        else:
            self._skip(line, "unbalancedQuotes")
            return None
        if len(fields) != len(header.columns):
            if "\r" in text and '"' not in text:
                raise UnreadableDeliveryError(carriage_return_fault(self._file.name, line))
            self._skip(line, "fieldCount", f"{len(fields)}, not {len(header.columns)}")
            return None
        if '"' not in text and text.isprintable() and not needs_checks(text, header.delimiter):
            return Record(line, fields)
        checked = self._checks.check(line, fields, header.columns, is_decoded=is_decoded)
        return Record(line, checked)

    def _skip(self, line: int, kind: str, expected: str = "") -> None:
        self._findings.faults.add(self._structural_fault(line, kind, expected))
        self._findings.incomplete.add(self._file.name)

    def _unreadable(self, line: int, kind: str) -> UnreadableDeliveryError:
        return UnreadableDeliveryError(self._structural_fault(line, kind))

    def _structural_fault(self, line: int, kind: str, expected: str = "") -> Fault:
        detail, remedy = {
            "unbalancedQuotes": (
                "The record has a quote that is not closed, or one inside an unquoted value.",
                "Enclose a value that contains a quote in quotes, and double the quote inside.",
            ),
            "recordTooLong": (
                f"The record is longer than {MAX_RECORD_LENGTH} characters.",
                "Check its quotes, and shorten its values.",
            ),
            "fieldCount": (
                f"The record does not have as many fields as the header: {expected}.",
                (
                    "Write one field per column, also for an empty value, and enclose a value that "
                    "contains the delimiter in quotes."
                ),
            ),
        }[kind]
        return Fault(kind, detail, remedy, self._file.name, line)


def _read_whole_lines(stream: HashingStream) -> Iterator[TextBlock]:
    """Yield the text of the file in blocks of whole lines.

    Raises:
        UnreadableDeliveryError: the file is damaged, or a line is too long for a record.
    """
    rest = b""
    is_first = True
    while data := stream.read():
        if is_first:
            fault = unreadable_csv_fault(stream.name, data)
            if fault is not None:
                raise UnreadableDeliveryError(fault)
            data, is_first = data.removeprefix(_BOM), False
        cut = data.rfind(b"\n") + 1
        if cut:
            yield _decode(rest + data[:cut])
            rest = data[cut:]
        else:
            rest += data
        if len(rest) > 4 * MAX_RECORD_LENGTH:
            detail = "The file has a line that is too long for a record."
            remedy = "End every record with a line break."
            raise UnreadableDeliveryError(Fault("recordTooLong", detail, remedy, stream.name))
    if rest:
        yield _decode(rest)


def _decode(data: bytes) -> TextBlock:
    is_clean = len(data.translate(None, _CONTROL_BYTES)) == len(data)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text, is_clean = data.decode(errors="surrogateescape"), False
    if b"\xc2" in data or b"\xef\xbf" in data:
        is_clean = is_clean and CONTROL_EXCEPT_BREAKS.search(text) is None
    if is_clean and "\r" in text:
        lines = text.replace("\r\n", "\n")
        if "\r" in lines or '"' in lines:
            return TextBlock(text, is_clean=False)
        return TextBlock(lines, is_clean=True)
    return TextBlock(text, is_clean)
