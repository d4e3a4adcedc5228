"""The overview written by XlsxWriter."""

from io import BytesIO

from openpyxl.styles.colors import Color
from xlsxwriter import Workbook  # type: ignore[import-untyped]  # ships no types
from xlsxwriter.format import Format  # type: ignore[import-untyped]  # the same
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # the same

from benchmarks.peers.workbook_cells import PlainStyle, SheetCells, WorkbookCells

A4 = 9


def write(cells: WorkbookCells) -> bytes:
    target = BytesIO()
    workbook = Workbook(target, {"in_memory": True})
    formats = {
        number: workbook.add_format(_format(style)) for number, style in cells.styles.items()
    }
    for sheet in cells.sheets:
        _write_sheet(workbook.add_worksheet(sheet.title), sheet, formats)
    workbook.close()
    return target.getvalue()


def _write_sheet(sheet: Worksheet, cells: SheetCells, formats: dict[int, Format]) -> None:
    _set_up(sheet, cells)
    if cells.table:
        sheet.add_table(
            cells.table_range,
            {
                "name": cells.table,
                "style": "Table Style Light 1",
                "banded_rows": False,
                "columns": [
                    {"header": header, "header_format": formats[style]}
                    for header, style in cells.rows[0]
                ],
            },
        )
    for row, written in enumerate(cells.rows):
        for column, (value, style) in enumerate(written):
            if isinstance(value, str):
                sheet.write_string(row, column, value, formats[style])
            elif value is None:
                sheet.write_blank(row, column, None, formats[style])
            else:
                sheet.write_number(row, column, value, formats[style])


def _set_up(sheet: Worksheet, cells: SheetCells) -> None:
    for letter, width in cells.widths.items():
        sheet.set_column(f"{letter}:{letter}", width)
    for number, height in cells.heights.items():
        sheet.set_row(number - 1, height)
    if cells.frozen:
        sheet.freeze_panes(cells.frozen)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_header(f"&L{cells.header[0]}&R{cells.header[1]}")
    sheet.set_footer(f"&L{cells.footer[0]}&R{cells.footer[1]}")
    if cells.table:
        sheet.repeat_rows(0)


def _format(style: PlainStyle) -> dict[str, object]:
    properties: dict[str, object] = {
        "font_name": style.font.name,
        "font_size": style.font.size,
        "font_color": _colour(style.font.color),
        "bold": bool(style.font.bold),
        "italic": bool(style.font.italic),
        "valign": "vcenter" if style.alignment.vertical == "center" else style.alignment.vertical,
        "text_wrap": bool(style.alignment.wrap_text),
        "quote_prefix": style.quote_prefix,
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
