"""The overview written by openpyxl in write-only mode."""

from copy import copy
from io import BytesIO
from typing import Any
from warnings import filterwarnings

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo

from benchmarks.peers.workbook_cells import PlainStyle, SheetCells, WorkbookCells

A4 = 9
# The warning is issued for tables with columns, too.
filterwarnings("ignore", message="In write-only mode you must add table columns manually")


def write(cells: WorkbookCells) -> bytes:
    workbook = Workbook(write_only=True)
    styles: dict[int, Any] = {}
    for sheet in cells.sheets:
        _write_sheet(workbook, sheet, cells.styles, styles)
    target = BytesIO()
    workbook.save(target)
    return target.getvalue()


def _write_sheet(
    workbook: Workbook,
    cells: SheetCells,
    plain_styles: dict[int, PlainStyle],
    styles: dict[int, Any],
) -> None:
    sheet = workbook.create_sheet(cells.title)
    _set_up(sheet, cells)
    for row in cells.rows:
        written = []
        for value, index in row:
            cell: Any = WriteOnlyCell(sheet, value=value)
            if index not in styles:
                _style(cell, plain_styles[index])
                styles[index] = cell._style  # noqa: SLF001  # fast, as in our SheetWriter
            cell._style = copy(styles[index])  # noqa: SLF001  # the same
            written.append(cell)
        sheet.append(written)
    if cells.table:
        table: Any = Table(displayName=cells.table, ref=cells.table_range)
        table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
        table._initialise_columns()  # noqa: SLF001  # as its documentation requires
        for column, (header, _) in zip(table.tableColumns, cells.rows[0], strict=True):
            column.name = str(header)
        sheet.add_table(table)


def _style(cell: Any, style: PlainStyle) -> None:
    cell.font, cell.fill = style.font, style.fill
    cell.alignment, cell.border = style.alignment, style.border
    cell.quotePrefix = style.quote_prefix


def _set_up(sheet: Any, cells: SheetCells) -> None:
    for letter, width in cells.widths.items():
        sheet.column_dimensions[letter].width = width
    for number, height in cells.heights.items():
        sheet.row_dimensions[number].height = height
    sheet.freeze_panes = cells.frozen
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.oddHeader.left.text, sheet.oddHeader.right.text = cells.header
    sheet.oddFooter.left.text, sheet.oddFooter.right.text = cells.footer
    if cells.table:
        sheet.print_title_rows = "1:1"
