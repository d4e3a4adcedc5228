"""Cells of an openpyxl sheet, with text that stays text and styles that are looked up once."""

from copy import copy
from dataclasses import dataclass

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill
from openpyxl.styles.cell_style import StyleArray
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.xlsx.text import escape_text, needs_quote_prefix


@dataclass(frozen=True, slots=True, eq=False)
class CellStyle:
    font: Font
    fill: PatternFill
    alignment: Alignment
    border: Border


@dataclass(frozen=True, slots=True)
class SheetWriter:
    """A sheet to write cells to; `styles` is a cache that the sheets of a workbook share.

    Looking up the four parts of a style for every cell took two thirds of a workbook's time.
    """

    sheet: Worksheet
    styles: dict[CellStyle, StyleArray]

    def write(self, row: int, column: int, value: str | int | None, style: CellStyle) -> None:
        """Write a cell. Text is never read as a formula, an error value or a number."""
        cell = self.sheet.cell(row, column)
        if not isinstance(cell, Cell):
            raise TypeError(f"row {row} column {column} is in a merged range: unmerge it")
        if isinstance(value, str):
            cell.value = escape_text(value)
            cell.data_type = "s"
        elif value is not None:
            cell.value = value
        if style not in self.styles:
            cell.font, cell.fill = style.font, style.fill
            cell.alignment, cell.border = style.alignment, style.border
            self.styles[style] = cell._style  # type: ignore[attr-defined]  # noqa: SLF001  # unstubbed
        # openpyxl shares styles between cells by copying this array, too.
        cell._style = copy(self.styles[style])  # type: ignore[attr-defined]  # noqa: SLF001
        if isinstance(value, str) and needs_quote_prefix(value):
            cell.quotePrefix = True
