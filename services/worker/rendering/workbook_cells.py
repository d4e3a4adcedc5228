"""Cells of a workbook: text that stays text, a few named looks, names that Excel accepts."""

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import cache

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.worksheet.worksheet import Worksheet

_LONGEST_SHEET_NAME = 31
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
# Characters XML cannot hold, or would change, and text that looks like their escape.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")

_HAIR = Side(style="thin", color="FFD9DDE3")
_TINT_LOW, _TINT_HIGH = (246, 249, 252), (176, 204, 235)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a cell looks; every pair of ink and paper here has a contrast of 7:1 or more."""

    font: Font = field(default_factory=lambda: Font(name="Calibri", size=11, color="FF1C1F24"))
    fill: PatternFill = field(default_factory=PatternFill)
    alignment: Alignment = field(default_factory=lambda: Alignment(vertical="center"))
    border: Border = field(default_factory=lambda: Border(bottom=_HAIR))


def _font(*, bold: bool = False, italic: bool = False, size: int = 11, ink: str = "1C1F24") -> Font:
    return Font(name="Calibri", size=size, bold=bold, italic=italic, color=f"FF{ink}")


def _paper(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=f"FF{colour}")


_WRAPPED = Alignment(vertical="top", wrap_text=True)
HEADER = Look(
    font=_font(bold=True, ink="FFFFFF"),
    fill=_paper("17385F"),
    alignment=Alignment(vertical="center", wrap_text=True),
)
PLAIN = Look()
STATUS = Look(font=_font(italic=True, ink="4D545E"))
NUMBER_HEADER = Look(
    font=HEADER.font,
    fill=HEADER.fill,
    alignment=Alignment(horizontal="center", vertical="center", wrap_text=True),
)
NUMBER = Look(alignment=Alignment(horizontal="center", vertical="center"))
TITLE = Look(font=_font(bold=True, size=16, ink="17385F"), border=Border())
HEADING = Look(
    font=_font(bold=True, size=13, ink="17385F"),
    alignment=Alignment(vertical="bottom"),
    border=Border(),
)
LEAD = Look(font=_font(bold=True), alignment=_WRAPPED, border=Border())
PROSE = Look(font=_font(), alignment=_WRAPPED, border=Border())


@cache
def level_look(step: int, steps: int) -> Look:
    """A tint of blue for step `step` (0 is the lowest) of `steps`; the text says the same."""
    share = step / (steps - 1) if steps > 1 else 0.5
    tint = (
        round(low + (high - low) * share) for low, high in zip(_TINT_LOW, _TINT_HIGH, strict=True)
    )
    return Look(fill=_paper("".join(f"{value:02X}" for value in tint)))


def workbook_text(text: str) -> str:
    """Text as a workbook stores it: Excel reads `_x0007_` as the character with that code."""
    return _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def needs_quote_prefix(text: str) -> bool:
    """Whether a program would take the text for more than text once someone edits the cell."""
    return text.startswith(_FORMULA_STARTS)


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet to write on; `styles` is shared by the sheets of one workbook.

    Looking up a look's four parts for every cell took two thirds of a workbook's time.
    """

    sheet: Worksheet
    styles: dict[Look, StyleArray]

    def put(self, row: int, column: int, value: str | int | None, look: Look) -> None:
        """Text stays text whatever it starts with: never a formula, an error value or a number."""
        cell = self.sheet.cell(row, column)
        if not isinstance(cell, Cell):
            raise TypeError(f"row {row} column {column} lies in a merged range: unmerge it")
        if isinstance(value, str):
            cell.value = workbook_text(value)
            cell.data_type = "s"
        elif value is not None:
            cell.value = value
        if look not in self.styles:
            cell.font, cell.fill = look.font, look.fill
            cell.alignment, cell.border = look.alignment, look.border
            self.styles[look] = cell._style  # type: ignore[attr-defined]  # noqa: SLF001  # unstubbed
        # openpyxl shares styles between cells by copying this array, too.
        cell._style = copy(self.styles[look])  # type: ignore[attr-defined]  # noqa: SLF001
        if isinstance(value, str) and needs_quote_prefix(value):
            cell.quotePrefix = True


def single_line(text: str) -> str:
    """For names, titles and page headers, where Excel takes no control characters or breaks."""
    return " ".join(_CONTROL.sub(" ", text).split())


def unique(names: Iterable[str], longest: int = 250) -> tuple[str, ...]:
    """The names in order, told apart regardless of case by a number where they were equal."""
    taken: set[str] = set()
    found = []
    for name in names:
        candidate, number = name[:longest], 1
        while candidate.casefold() in taken:
            number += 1
            ending = f" ({number})"
            candidate = name[: longest - len(ending)].rstrip() + ending
        taken.add(candidate.casefold())
        found.append(candidate)
    return tuple(found)


def sheet_names(wanted: Iterable[str]) -> tuple[str, ...]:
    """Names Excel accepts for sheets: short, unique, without the characters it reserves."""
    cleaned = (
        single_line(_NO_SHEET_NAME.sub(" ", name))[:_LONGEST_SHEET_NAME].strip(" '") or "-"
        for name in wanted
    )
    return unique(cleaned, _LONGEST_SHEET_NAME)
