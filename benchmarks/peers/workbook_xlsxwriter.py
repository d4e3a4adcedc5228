"""The overview written by XlsxWriter."""

from io import BytesIO

from openpyxl.styles.colors import Color
from xlsxwriter import Workbook  # type: ignore[import-untyped]  # ships no types
from xlsxwriter.format import Format  # type: ignore[import-untyped]  # the same
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # the same

from benchmarks.peers.workbook_cells import CellLook, SheetCells, WorkbookCells

A4 = 9


def write(cells: WorkbookCells) -> bytes:
    target = BytesIO()
    workbook = Workbook(target, {"in_memory": True})
    formats = {number: workbook.add_format(_format(look)) for number, look in cells.looks.items()}
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
                    {"header": header, "header_format": formats[look]}
                    for header, look in cells.rows[0]
                ],
            },
        )
    for row, written in enumerate(cells.rows):
        for column, (value, look) in enumerate(written):
            if isinstance(value, str):
                sheet.write_string(row, column, value, formats[look])
            elif value is None:
                sheet.write_blank(row, column, None, formats[look])
            else:
                sheet.write_number(row, column, value, formats[look])


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


def _format(look: CellLook) -> dict[str, object]:
    found: dict[str, object] = {
        "font_name": look.font.name,
        "font_size": look.font.size,
        "font_color": _colour(look.font.color),
        "bold": bool(look.font.bold),
        "italic": bool(look.font.italic),
        "valign": "vcenter" if look.alignment.vertical == "center" else look.alignment.vertical,
        "text_wrap": bool(look.alignment.wrap_text),
        "quote_prefix": look.quote_prefix,
    }
    if look.alignment.horizontal:
        found["align"] = look.alignment.horizontal
    if look.fill.fill_type == "solid":
        found["bg_color"] = _colour(look.fill.fgColor)
    if look.border.bottom and look.border.bottom.style:
        found |= {"bottom": 1, "bottom_color": _colour(look.border.bottom.color)}
    return {name: value for name, value in found.items() if value}


def _colour(colour: Color | None) -> str:
    """As XlsxWriter reads it; the few of the default look come from the theme."""
    return f"#{colour.rgb[2:]}" if colour and colour.type == "rgb" else "#000000"
