"""Check that the documents can draw the texts of a delivery.

A text that many fiches share is refused with a character that no shipped face covers: each of these
fiches would fail. In the name of one student it is a warning.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final
from unicodedata import category, name, normalize

import psycopg

from shared.core.drawable_text import normalize_text, undrawable_characters
from shared.deliveries.delivery_format import (
    ADMINISTRATION,
    CSV_FILES,
)
from shared.deliveries.faults import Fault, Findings, quotable
from shared.deliveries.file_format import FileFormat
from shared.deliveries.manifest import AdministrationFacts

_MAX_LISTED: Final = 10
_QUOTED_BEFORE, _QUOTED_AFTER = 20, 40
_ROWS_PER_FETCH: Final = 1000

# Of the fonts Symbol and Wingdings, which word processors use for bullets; and of emoji fonts.
_REPLACED: Final = {
    "•": "\uf0b7",
    "▪": "\uf0a7\uf06e",
    "◆": "\uf076",
    "▸": "\uf0d8",
    "-": "\uf02d",
    "☐": "\uf06f\uf0a8\uf071",
    "☑": "\uf0fe",
    "✓": "\uf0fc\u2705\U0001f5f8",
    "✗": "\uf0fb\u274c\U0001f5f4",
    "→": "\uf0e0\uf0e8\uf0ae",
    "←": "\uf0df\uf0ac",
    "↔": "\uf0ab",
    "↑": "\uf0ad",
    "↓": "\uf0af",
    "⇒": "\uf0de",
    "≤": "\uf0a3",
    "≥": "\uf0b3",
    "±": "\uf0b1",
    "\N{MULTIPLICATION SIGN}": "\uf0b4",
    "÷": "\uf0b8\u2797",
    "≠": "\uf0b9",
    "≈": "\uf0bb",
    "°": "\uf0b0",
    "√": "\uf0d6",
    "∞": "\uf0a5",
    "∠": "\uf0d0",
    "⊥": "\uf05e\u27c2",
    "π": "\uf070",
    "∈": "\uf0ce",
    "∉": "\uf0cf",
    "\N{UNION}": "\uf0c8",
    "∩": "\uf0c7",
    "⊂": "\uf0cc",
    "★": "\u2b50",
    "+": "\u2795",
    "\N{MINUS SIGN}": "\u2796",
}
_REPLACEMENTS: Final = {
    character: replacement for replacement, found in _REPLACED.items() for character in found
}


def check_drawable_texts(
    connection: psycopg.Connection[Any], facts: AdministrationFacts | None, findings: Findings
) -> None:
    """Add a fault for each shared text, and a warning for each name, that cannot be drawn."""
    if facts is not None and (missing := undrawable_characters(facts.name)):
        findings.faults.add(_fault(missing, ADMINISTRATION, None, "name", facts.name))
    for file in CSV_FILES:
        columns = tuple(column.name for column in file.columns if column.is_drawn)
        if columns:
            _check_file(connection, file, columns, findings)


def _check_file(
    connection: psycopg.Connection[Any],
    file: FileFormat,
    columns: tuple[str, ...],
    findings: Findings,
) -> None:
    for line, values in _rows_beyond_ascii(connection, file, columns):
        if file.is_about_students:
            _check_name(file, line, dict(zip(columns, values, strict=True)), findings)
            continue
        for column, value in zip(columns, values, strict=True):
            if value.strip(" ") and not normalize_text(value):
                findings.faults.add(_invisible(file, line, column))
            elif missing := undrawable_characters(value):
                findings.faults.add(_fault(missing, file.name, line, column, value))


def _rows_beyond_ascii(
    connection: psycopg.Connection[Any], file: FileFormat, columns: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield line and values of the rows with another character than printable ASCII."""
    texts = ", ".join(f"coalesce({column}, '')" for column in columns)
    query = (
        f"select line, array[{texts}] from {file.table}"
        f" where concat({', '.join(columns)}) collate \"C\" !~ '^[ -~]*$'"
    )
    with closing(connection.cursor("drawable_texts")) as cursor:
        cursor.itersize = _ROWS_PER_FETCH
        for line, values in cursor.execute(query):
            yield line, tuple(values)


def _check_name(file: FileFormat, line: int, values: dict[str, str], findings: Findings) -> None:
    if not normalize_text("".join(values.values())):
        findings.faults.add(_invisible(file, line, next(iter(values))))
    for column, value in values.items():
        if missing := undrawable_characters(value):
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            findings.warnings.add(
                Fault(
                    "undrawableName",
                    f"No font of the documents has {_code_point(min(missing))}{others}; a fiche "
                    "with this name will be a failure of its job.",
                    "If the name is damaged, correct it; if it is right, give the student's "
                    "result from the overview.",
                    file.name,
                    line,
                    column,
                )
            )


def _invisible(file: FileFormat, line: int, column: str) -> Fault:
    return Fault(
        "missingValue",
        "The value has no visible character.",
        "Give a value; this column cannot be empty.",
        file.name,
        line,
        column,
    )


def _fault(missing: Iterable[str], file: str, line: int | None, column: str, text: str) -> Fault:
    listed = sorted(missing)[:_MAX_LISTED]
    code_points = ", ".join(map(_code_point, listed))
    at = min((text.find(character) for character in listed if character in text), default=0)
    excerpt = text[max(at - _QUOTED_BEFORE, 0) : at + _QUOTED_AFTER]
    return Fault(
        "undrawableText",
        f"No font of the documents has {code_points}; each fiche with this text would fail.",
        " ".join(map(_remedy, listed)),
        file,
        line,
        column,
        quotable(excerpt) if quotable(text) else None,
    )


def _remedy(character: str) -> str:
    point = _code_point(character)
    replacement = _REPLACEMENTS.get(character) or normalize("NFKC", character)
    if undrawable_characters(replacement):
        of_font = " of a font such as Wingdings" if category(character) == "Co" else ""
        return f"Write another character, or a word, instead of the sign{of_font} {point}."
    named = f", {name(replacement).lower()}" if len(replacement) == 1 else ""
    points = " ".join(map(_code_point, replacement))
    return f"Write {replacement} ({points}{named}) instead of {point}."


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
