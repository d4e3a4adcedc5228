"""The overview written by XlsxWriter."""

from io import BytesIO

from openpyxl.styles.colors import Color
from xlsxwriter import Workbook  # type: ignore[import-untyped]  # ships no types
from xlsxwriter.format import Format  # type: ignore[import-untyped]  # the same
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # the same

from benchmarks.peers.workbook_cells import WorkbookCells
from services.worker.xlsx.sheet import CellStyle, Sheet
from services.worker.xlsx.sheet_xml import cell_range
from services.worker.xlsx.text import needs_quote_prefix

A4 = 9


def write(cells: WorkbookCells) -> bytes:
    target = BytesIO()
    workbook = Workbook(target, {"in_memory": True})
    formats = {
        (style, has_quote_prefix): workbook.add_format(_format(style, has_quote_prefix))
        for style in cells.styles
        for has_quote_prefix in (False, True)
    }
    for sheet in cells.sheets:
        _write_sheet(workbook.add_worksheet(sheet.title), sheet, formats)
    workbook.close()
    return target.getvalue()


def _write_sheet(
    sheet: Worksheet, cells: Sheet, formats: dict[tuple[CellStyle, bool], Format]
) -> None:
    _set_up(sheet, cells)
    if cells.table:
        sheet.add_table(
            cell_range(cells),
            {
                "name": cells.table,
                "style": "Table Style Light 1",
                "banded_rows": False,
                "columns": [
                    {"header": header, "header_format": formats[style, False]}
                    for header, style in cells.rows[0]
                ],
            },
        )
    for row, written in enumerate(cells.rows):
        for column, (value, style) in enumerate(written):
            if isinstance(value, str):
                cell_format = formats[style, needs_quote_prefix(value)]
                sheet.write_string(row, column, value, cell_format)
            elif value is None:
                sheet.write_blank(row, column, None, formats[style, False])
            else:
                sheet.write_number(row, column, value, formats[style, False])


def _set_up(sheet: Worksheet, cells: Sheet) -> None:
    page = cells.page
    for column, width in enumerate(cells.widths):
        sheet.set_column(column, column, width)
    for number, height in cells.heights.items():
        sheet.set_row(number - 1, height)
    sheet.set_paper(A4)
    if page.is_landscape:
        sheet.set_landscape()
    if page.scale is None:
        sheet.fit_to_pages(1, 1)
    else:
        sheet.set_print_scale(page.scale)
    sheet.set_h_pagebreaks(list(cells.page_breaks))
    sheet.set_header("&L{}&R{}".format(*page.header))
    sheet.set_footer("&L{}&C{}&R{}".format(*page.footer))
    if cells.table:
        sheet.freeze_panes(1, cells.frozen_columns)
        sheet.repeat_rows(0)


def _format(style: CellStyle, has_quote_prefix: bool) -> dict[str, object]:  # noqa: FBT001  # one caller
    properties: dict[str, object] = {
        "font_name": style.font.name,
        "font_size": style.font.size,
        "font_color": _colour(style.font.color),
        "bold": bool(style.font.bold),
        "italic": bool(style.font.italic),
        "valign": "vcenter" if style.alignment.vertical == "center" else style.alignment.vertical,
        "text_wrap": bool(style.alignment.wrap_text),
        "quote_prefix": has_quote_prefix,
        "num_format": style.number_format,
    }
    if style.alignment.horizontal:
        properties["align"] = style.alignment.horizontal
    if style.fill.fill_type == "solid":
        properties["bg_color"] = _colour(style.fill.fgColor)
    if style.border.bottom and style.border.bottom.style:
        properties |= {"bottom": 1, "bottom_color": _colour(style.border.bottom.color)}
    return {name: value for name, value in properties.items() if value}


def _colour(colour: Color | None) -> str:
    """Return a colour in the notation of XlsxWriter; theme colours become black."""
    return f"#{colour.rgb[2:]}" if colour and colour.type == "rgb" else "#000000"
