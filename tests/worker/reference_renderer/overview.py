"""The sheets of an overview, written by openpyxl."""

from copy import copy
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.packaging.core import DocumentProperties
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo

from services.worker.documents.overview import overview_properties, overview_sheets
from services.worker.xlsx.sheet import Cell, CellStyle, Sheet
from services.worker.xlsx.sheet_xml import cell_range
from services.worker.xlsx.text import escape_text, needs_quote_prefix
from services.worker.xlsx.workbook import Properties
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Texts

A4 = 9


def draw_overview(content: OverviewContent, texts: Texts = DUTCH) -> bytes:
    return write(overview_sheets(content, texts), overview_properties(content, texts))


def write(sheets: list[Sheet], properties: Properties) -> bytes:
    """Return the workbook of these sheets."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    workbook.calculation.fullCalcOnLoad = False
    workbook.properties = _core_properties(properties)
    styles: dict[CellStyle, Any] = {}
    for sheet in sheets:
        _write_sheet(workbook.create_sheet(sheet.title), sheet, styles)
    package = BytesIO()
    workbook.save(package)
    return package.getvalue()


def _core_properties(properties: Properties) -> DocumentProperties:
    day = properties.day
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None)
    return DocumentProperties(
        title=properties.title,
        subject=properties.subject,
        creator=properties.creator,
        version=properties.version,
        language=properties.language,
        created=instant,
        modified=instant,
    )


def _write_sheet(written: Any, sheet: Sheet, styles: dict[CellStyle, Any]) -> None:
    for number, row in enumerate(sheet.rows, start=1):
        for column, cell in enumerate(row, start=1):
            _write_cell(written.cell(number, column), cell, styles)
    for column, width in enumerate(sheet.widths, start=1):
        written.column_dimensions[get_column_letter(column)].width = width
    for number, height in sheet.heights.items():
        written.row_dimensions[number].height = height
    for number in sheet.page_breaks:
        written.row_breaks.append(Break(id=number))
    _set_up_page(written, sheet)
    if sheet.table:
        table = Table(displayName=sheet.table, ref=cell_range(sheet))
        table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
        written.add_table(table)
        written.freeze_panes = written.cell(2, sheet.frozen_columns + 1)
        written.print_title_rows = "1:1"


def _write_cell(written: Any, cell: Cell, styles: dict[CellStyle, Any]) -> None:
    """Write a cell; looking up each style once halves the time of a workbook."""
    value, style = cell
    if style not in styles:
        written.font, written.fill = style.font, style.fill
        written.alignment, written.border = style.alignment, style.border
        written.number_format = style.number_format
        styles[style] = written._style
    written._style = copy(styles[style])
    if isinstance(value, str) and value:
        written.value = escape_text(value)
        written.data_type = "s"
        written.quotePrefix = needs_quote_prefix(value)
    elif value is not None and value != "":
        written.value = value


def _set_up_page(written: Any, sheet: Sheet) -> None:
    page, setup = sheet.page, written.page_setup
    setup.orientation = "landscape" if page.is_landscape else "portrait"
    setup.paperSize = A4
    setup.scale = page.scale
    if page.scale is None:
        setup.fitToWidth = setup.fitToHeight = 1
        written.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    margins = written.page_margins
    margins.left = margins.right = 0.5
    margins.top = margins.bottom = 0.8
    written.oddHeader.left.text, written.oddHeader.right.text = page.header
    footer = written.oddFooter
    footer.left.text, footer.center.text, footer.right.text = (text or None for text in page.footer)
