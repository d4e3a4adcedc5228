"""The XML of a sheet (ECMA-376 part 1, 18.3.1.99) and of its table (18.5.1.2)."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from openpyxl.utils import get_column_letter

from services.worker.xlsx.cell_xml import CellXml
from services.worker.xlsx.sheet import PageSetup, Sheet
from services.worker.xlsx.text import escape_text

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONSHIPS: Final = (
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_A4: Final = 9
_LAST_COLUMN: Final = 16383
_MARGINS: Final = (
    '<pageMargins left="0.5" right="0.5" top="0.8" bottom="0.8" header="0.5" footer="0.5"/>'
)
_STYLE: Final = '<tableStyleInfo name="TableStyleLight1" showRowStripes="0"/>'


def sheet_xml(sheet: Sheet, cells: CellXml) -> str:
    span = cell_range(sheet)
    fitted = '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>' if sheet.page.scale is None else ""
    table = '<tableParts count="1"><tablePart r:id="rId1"/></tableParts>' if sheet.table else ""
    return (
        f'{DECLARATION}<worksheet {MAIN} {RELATIONSHIPS}>{fitted}<dimension ref="{span}"/>'
        f'<sheetViews><sheetView workbookViewId="0">{_pane(sheet)}</sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{_columns(sheet.widths)}</cols>'
        f"<sheetData>{''.join(_rows(sheet, cells))}</sheetData>"
        f"{_MARGINS}{_page(sheet.page)}{_breaks(sheet.page_breaks)}"
        # A number of a student is text on purpose.
        f'<ignoredErrors><ignoredError sqref="{span}" numberStoredAsText="1"/></ignoredErrors>'
        f"{table}</worksheet>"
    )


def table_xml(sheet: Sheet, number: int) -> str:
    names = (quoteattr(escape_text(str(cell.value))) for cell in sheet.rows[0])
    columns = "".join(
        f'<tableColumn id="{index}" name={name}/>' for index, name in enumerate(names, start=1)
    )
    return (
        f'{DECLARATION}<table {MAIN} id="{number}" name="{sheet.table}"'
        f' displayName="{sheet.table}" ref="{cell_range(sheet)}" headerRowCount="1">'
        f'<autoFilter ref="{cell_range(sheet)}"/>'
        f'<tableColumns count="{len(sheet.rows[0])}">{columns}</tableColumns>{_STYLE}</table>'
    )


def cell_range(sheet: Sheet) -> str:
    """Return the range of the cells; a table without data has one empty row."""
    last = max(len(sheet.rows), 2) if sheet.table else len(sheet.rows)
    return f"A1:{get_column_letter(len(sheet.widths))}{last}"


def _pane(sheet: Sheet) -> str:
    if not sheet.table:
        return ""
    first = f"{get_column_letter(sheet.frozen_columns + 1)}2"
    return (
        f'<pane xSplit="{sheet.frozen_columns}" ySplit="1" topLeftCell="{first}"'
        ' activePane="bottomRight" state="frozen"/><selection pane="topRight"/>'
        '<selection pane="bottomLeft"/><selection pane="bottomRight"/>'
    )


def _columns(widths: Sequence[float]) -> str:
    return "".join(
        f'<col min="{number}" max="{number}" width="{width:g}" customWidth="1"/>'
        for number, width in enumerate(widths, start=1)
    )


def _rows(sheet: Sheet, cells: CellXml) -> Iterator[str]:
    """Yield the rows: formatting one pattern is faster than joining cells."""
    for number, row in enumerate(sheet.rows, start=1):
        height = sheet.heights.get(number)
        values: list[object] = [number] * (2 * len(row) + 2)
        values[1] = "" if height is None else f' ht="{height:g}" customHeight="1"'
        values[3::2] = map(cells.__getitem__, row)
        yield _row_pattern(len(row)) % tuple(values)


@cache
def _row_pattern(columns: int) -> str:
    letters = map(get_column_letter, range(1, columns + 1))
    written = "".join(f'<c r="{letter}%s%s' for letter in letters)
    return f'<row r="%s"%s>{written}</row>'


def _page(page: PageSetup) -> str:
    size = 'fitToHeight="1" fitToWidth="1"' if page.scale is None else f'scale="{page.scale}"'
    orientation = "landscape" if page.is_landscape else "portrait"
    header = "".join(f"&{at}{text}" for at, text in zip("LR", page.header, strict=True) if text)
    footer = "".join(f"&{at}{text}" for at, text in zip("LCR", page.footer, strict=True) if text)
    return (
        f'<pageSetup paperSize="{_A4}" {size} orientation="{orientation}"/><headerFooter>'
        f"<oddHeader>{escape(header)}</oddHeader><oddFooter>{escape(footer)}</oddFooter>"
        "</headerFooter>"
    )


def _breaks(rows: Sequence[int]) -> str:
    if not rows:
        return ""
    breaks = "".join(f'<brk id="{row}" max="{_LAST_COLUMN}" man="1"/>' for row in rows)
    return f'<rowBreaks count="{len(rows)}" manualBreakCount="{len(rows)}">{breaks}</rowBreaks>'
