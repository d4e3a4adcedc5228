"""The cells of an overview as plain values, so that only the writers are measured."""

from copy import copy
from dataclasses import dataclass
from typing import Any

from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.overview_model import model_workbook
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH

Value = str | float | None


@dataclass(frozen=True, slots=True)
class PlainStyle:
    """The style of a cell, independent of its workbook."""

    font: Font
    fill: PatternFill
    alignment: Alignment
    border: Border
    quote_prefix: bool


@dataclass(frozen=True, slots=True)
class SheetCells:
    """A sheet: `rows` has values with their style index; `table` is a name, or empty."""

    title: str
    rows: list[list[tuple[Value, int]]]
    widths: dict[str, float]
    heights: dict[int, float]
    frozen: str | None
    table: str
    table_range: str
    header: tuple[str, str]
    footer: tuple[str, str]


@dataclass(frozen=True, slots=True)
class WorkbookCells:
    """The sheets of a workbook, and the styles of their cells by index."""

    styles: dict[int, PlainStyle]
    sheets: list[SheetCells]


def workbook_cells(content: OverviewContent) -> WorkbookCells:
    workbook = model_workbook(content, DUTCH, {})
    styles: dict[int, PlainStyle] = {}
    return WorkbookCells(styles, [_sheet(sheet, styles) for sheet in workbook.worksheets])


def _sheet(sheet: Worksheet, styles: dict[int, PlainStyle]) -> SheetCells:
    rows = []
    for cells in sheet.iter_rows():
        row: list[tuple[Value, int]] = []
        for cell in cells:
            if not isinstance(cell, Cell):
                raise TypeError(f"{sheet.title}: overviews have no merged cells")
            styles.setdefault(cell.style_id, _style(cell))
            value = cell.value
            row.append((value if isinstance(value, str | int) else None, cell.style_id))
        rows.append(row)
    tables = list(sheet.tables.values())
    header, footer = sheet.oddHeader, sheet.oddFooter
    return SheetCells(
        title=sheet.title,
        rows=rows,
        widths={letter: column.width for letter, column in sheet.column_dimensions.items()},
        heights={number: row.height for number, row in sheet.row_dimensions.items()},
        frozen=sheet.freeze_panes,
        table=tables[0].displayName if tables else "",
        table_range=tables[0].ref if tables else "",
        header=(header.left.text or "", header.right.text or "") if header else ("", ""),
        footer=(footer.left.text or "", footer.right.text or "") if footer else ("", ""),
    )


def _style(cell: Any) -> PlainStyle:
    """Copy the style of a cell, which belongs to its workbook."""
    return PlainStyle(
        copy(cell.font),
        copy(cell.fill),
        copy(cell.alignment),
        copy(cell.border),
        bool(cell.quotePrefix),
    )
