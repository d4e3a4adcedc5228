"""Parts of a model workbook, split at their placeholders into constant pieces."""

import re
from typing import Final

from services.worker.xlsx.canonical_xml import DECLARATION

_RANGE: Final = re.compile(r'(?<=ref=")A1:[A-Z]+\d+(?=")')
_ROW: Final = re.compile(r"<row .*?</row>", re.DOTALL)


def split_table_sheet(part: str, header_text: str) -> tuple[str, ...]:
    """Split around dimension, columns, rows below the header, and the text of the page header."""
    before_dimension, rest = _split_between(DECLARATION + part, '<dimension ref="', '"')
    before_columns, rest = _split_between(rest, "<cols>", "</cols>")
    before_rows, rest = _split_between(rest, "</row>", "</sheetData>")
    before_header, after_header = _split_at(rest, header_text)
    return before_dimension, before_columns, before_rows, before_header, after_header


def split_text_sheet(part: str, rows: slice, header_text: str) -> tuple[str, ...]:
    """Split around these consecutive rows, and the text of the page header."""
    before_rows, rest = _split_at(part, "".join(_ROW.findall(part)[rows]))
    before_header, after_header = _split_at(rest, header_text)
    return DECLARATION + before_rows, before_header, after_header


def split_properties(part: str, placeholder: str) -> tuple[str, ...]:
    before, after = _split_at(part, placeholder)
    return DECLARATION + before, after


def split_table(part: str) -> tuple[str, ...]:
    """Split around the range of the table and that of its filter."""
    return tuple(_RANGE.split(DECLARATION + part))


def _split_between(part: str, start: str, end: str) -> tuple[str, str]:
    """Return the text through `start`, and the text from the next `end` on."""
    head, rest = _split_at(part, start)
    _, tail = _split_at(rest, end)
    return head + start, end + tail


def _split_at(part: str, placeholder: str) -> tuple[str, str]:
    head, found, tail = part.partition(placeholder)
    if not found:
        raise ValueError(
            f"a part of the model workbook lacks {placeholder!r}: split where openpyxl has it now"
        )
    return head, tail
