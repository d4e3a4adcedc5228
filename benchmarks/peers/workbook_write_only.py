"""The overview written by openpyxl in write-only mode."""

from copy import copy
from io import BytesIO
from typing import Any
from warnings import filterwarnings

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.table import Table, TableStyleInfo

from benchmarks.peers.workbook_cells import WorkbookCells
from services.worker.xlsx.sheet import CellStyle, Sheet
from services.worker.xlsx.sheet_xml import cell_range
from services.worker.xlsx.text import needs_quote_prefix

A4 = 9
# The warning is issued for tables with columns, too.
filterwarnings("ignore", message="In write-only mode you must add table columns manually")


def write(cells: WorkbookCells) -> bytes:
    workbook = Workbook(write_only=True)
    styles: dict[tuple[CellStyle, bool], Any] = {}
    for sheet in cells.sheets:
        _write_sheet(workbook, sheet, styles)
    target = BytesIO()
    workbook.save(target)
    return target.getvalue()


def _write_sheet(
    workbook: Workbook, cells: Sheet, styles: dict[tuple[CellStyle, bool], Any]
) -> None:
    sheet = workbook.create_sheet(cells.title)
    _set_up(sheet, cells)
    for row in cells.rows:
        written = []
        for value, style in row:
            cell: Any = WriteOnlyCell(sheet, value=value)
            key = style, isinstance(value, str) and needs_quote_prefix(value)
            if key not in styles:
                _style(cell, *key)
                styles[key] = cell._style  # noqa: SLF001  # looking up each style takes longer
            cell._style = copy(styles[key])  # noqa: SLF001  # the same
            written.append(cell)
        sheet.append(written)
    if cells.table:
        table: Any = Table(displayName=cells.table, ref=cell_range(cells))
        table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
        table._initialise_columns()  # noqa: SLF001  # as its documentation requires
        for column, header in zip(table.tableColumns, cells.rows[0], strict=True):
            column.name = str(header.value)
        sheet.add_table(table)


def _style(cell: Any, style: CellStyle, has_quote_prefix: bool) -> None:  # noqa: FBT001  # one caller
    cell.font, cell.fill = style.font, style.fill
    cell.alignment, cell.border = style.alignment, style.border
    cell.number_format = style.number_format
    cell.quotePrefix = has_quote_prefix


def _set_up(sheet: Any, cells: Sheet) -> None:
    page = cells.page
    for number, width in enumerate(cells.widths, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    for number, height in cells.heights.items():
        sheet.row_dimensions[number].height = height
    sheet.page_setup.orientation = "landscape" if page.is_landscape else "portrait"
    sheet.page_setup.paperSize = A4
    sheet.page_setup.scale = page.scale
    for row in cells.page_breaks:
        sheet.row_breaks.append(Break(id=row))
    sheet.oddHeader.left.text, sheet.oddHeader.right.text = page.header
    sheet.oddFooter.left.text, _, sheet.oddFooter.right.text = page.footer
    if cells.table:
        sheet.freeze_panes = f"{get_column_letter(cells.frozen_columns + 1)}2"
        sheet.print_title_rows = "1:1"
