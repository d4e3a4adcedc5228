"""The style sheet of a workbook (ECMA-376 part 1, 18.8), as openpyxl writes it."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import canonicalize

from openpyxl import Workbook
from openpyxl.styles.stylesheet import write_stylesheet
from openpyxl.xml.functions import tostring

from services.worker.xlsx.sheet import CellStyle


def style_sheet(styles: Sequence[CellStyle]) -> tuple[str, Mapping[tuple[CellStyle, bool], int]]:
    """Return the XML, and the index of each style in it with and without a quote prefix.

    The XML does not depend on the XML library that openpyxl finds.
    """
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    indexes = {}
    for row, style in enumerate(styles, start=1):
        for column, has_quote_prefix in enumerate((False, True), start=1):
            cell = sheet.cell(row, column)
            cell.font, cell.fill = style.font, style.fill
            cell.alignment, cell.border = style.alignment, style.border
            cell.number_format = style.number_format
            cell.quotePrefix = has_quote_prefix
            indexes[style, has_quote_prefix] = cell.style_id
    return canonicalize(tostring(write_stylesheet(workbook))), indexes
