"""Workbooks of openpyxl, for native charts: cells with text that stays text, and stable bytes."""

from datetime import UTC, datetime, time
from io import BytesIO
from xml.etree.ElementTree import canonicalize
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from services.worker.xlsx.sheet_xml import DECLARATION
from services.worker.xlsx.text import escape_text, needs_quote_prefix
from services.worker.xlsx.workbook import Properties

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 6
_TEXT_TYPE = "s"


def set_value(sheet: Worksheet, row: int, column: int, value: str | float) -> Cell:
    """Set a number, or a text, which stays text whatever it looks like; return the cell.

    Raises:
        ValueError: when the cell is merged into another.
    """
    cell = sheet.cell(row, column)
    if not isinstance(cell, Cell):
        raise ValueError(f"row {row}, column {column} is part of a merged cell")  # noqa: TRY004
    if not isinstance(value, str):
        cell.value = value
        return cell
    cell.value = escape_text(value)
    cell.data_type = _TEXT_TYPE
    if needs_quote_prefix(value):
        cell.quotePrefix = True
    return cell


def to_bytes(workbook: Workbook, properties: Properties) -> bytes:
    """Return the file; the same workbook gives the same bytes, whatever the clock."""
    day = datetime.combine(properties.day, time(), UTC).replace(tzinfo=None)
    found = workbook.properties
    found.title, found.subject, found.creator = (
        properties.title,
        properties.subject,
        properties.creator,
    )
    found.version, found.language = properties.version, properties.language
    found.created = found.modified = day
    written, target = BytesIO(), BytesIO()
    ExcelWriter(workbook, ZipFile(written, "w")).save()
    with ZipFile(written) as package, ZipFile(target, "w") as stable:
        for name in package.namelist():
            info = ZipInfo(name, _EPOCH)
            xml = DECLARATION + canonicalize(package.read(name).decode())
            stable.writestr(info, xml, ZIP_DEFLATED, _LEVEL)
    return target.getvalue()
