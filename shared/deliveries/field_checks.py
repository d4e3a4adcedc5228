"""Checks of the fields of one record: characters that are not allowed, and signs of damage."""

import re
from collections.abc import Sequence
from typing import Final

from shared.deliveries.faults import Fault, Findings
from shared.deliveries.file_format import Column, FileFormat
from shared.deliveries.text_checks import REPLACEMENT, fold, is_blank, signs_of_damage

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
CONTROL_EXCEPT_BREAKS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")

_FAULTS: Final = {
    "replacementCharacter": (
        "The value contains U+FFFD, which replaces a character that a program could not read.",
        "Export the value again from its source, and save the file as UTF-8.",
    ),
    "nulByte": (
        "The value contains a NUL byte.",
        "Export the file again: it was not written completely, or a part of it is UTF-16.",
    ),
    "controlCharacter": (
        "The value contains a control character, such as a tab or line break, or misread UTF-8.",
        "Remove it, or export the value again and read it as UTF-8 in each program between.",
    ),
}

_WARNINGS: Final = {
    "misreadText": (
        "The value looks like UTF-8 that was read in another encoding, as in Ã©.",
        "Export it again from its source, and read it as UTF-8 in each program between.",
    ),
    "htmlEntity": (
        "The value contains an HTML entity, such as &amp;.",
        "Write the character itself.",
    ),
    "bidiControl": (
        "The value contains a control of the writing direction, which documents leave out.",
        "Remove it.",
    ),
    "invisibleCharacter": (
        "The value contains an invisible character, such as a soft hyphen or a zero-width space.",
        "Remove it.",
    ),
    "questionMark": (
        "The name contains a question mark, which programs write for letters that they lack.",
        "Compare the name with its source.",
    ),
    "blanksAround": (
        "The value has blanks at its start or end, or several in a row.",
        "Remove them. They do not count in codes, numbers and names of class groups.",
    ),
}


class FieldChecks:
    """Checks of the records of one file; a fault or warning has the line and column."""

    def __init__(self, file: FileFormat, findings: Findings) -> None:
        self._file = file
        self._findings = findings

    def check(
        self, line: int, fields: list[str], columns: Sequence[Column], *, is_decoded: bool
    ) -> list[str]:
        """Return the fields as they are staged.

        A value without a visible character is empty, a value that is no text is folded, and a
        character that is not allowed is replaced. `is_decoded` is False for a record with bytes
        that are not UTF-8, which has its fault already.
        """
        return [
            field
            if _is_plain(field)
            else self._check_field(line, field, column, is_decoded=is_decoded)
            for field, column in zip(fields, columns, strict=True)
        ]

    def _check_field(self, line: int, field: str, column: Column, *, is_decoded: bool) -> str:
        if is_decoded and REPLACEMENT in field:
            self._refuse("replacementCharacter", line, column)
        disallowed = CONTROL_EXCEPT_BREAKS if column.has_line_breaks else _CONTROL
        if disallowed.search(field):
            self._refuse("nulByte" if "\0" in field else "controlCharacter", line, column)
            return disallowed.sub(REPLACEMENT, field)
        is_name = column.is_text and column.is_personal
        for kind in signs_of_damage(field, is_name=is_name):
            self._warn(kind, line, column)
        if is_blank(field):
            return ""
        folded = fold(field)
        blanks = " ".join(field.split())
        if blanks != field and not column.has_line_breaks:
            self._warn("blanksAround", line, column)
        if column.is_text:
            return field
        if folded != field:
            self._findings.add_folded(self._file, line)
        return folded

    def _refuse(self, kind: str, line: int, column: Column) -> None:
        self._findings.faults.add(Fault(kind, *_FAULTS[kind], self._file.name, line, column.name))

    def _warn(self, kind: str, line: int, column: Column) -> None:
        fault = Fault(kind, *_WARNINGS[kind], self._file.name, line, column.name)
        self._findings.warnings.add(fault)


def _is_plain(field: str) -> bool:
    """Return whether a field needs no check: printable ASCII without blanks and entities."""
    return field.isascii() and field.isprintable() and not any(sign in field for sign in " &?")
