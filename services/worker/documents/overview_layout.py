"""The layout of an overview's sheets: widths, heights and pages, from estimated text widths."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil
from typing import NamedTuple
from unicodedata import combining, east_asian_width

from services.worker.xlsx.sheet import Cell, PageSetup, Sheet
from services.worker.xlsx.text import single_line, unique_names
from shared.documents.content import OverviewContent
from shared.documents.texts import Texts

LINE_HEIGHT = 15.0  # points
_FILTER_BUTTON = 18.0  # points, below the text of a header
_MIN_WIDTH, MAX_WIDTH = 9.0, 36.0  # characters
_PADDING = 2.0
_BOLD = 1.08
_MAX_HEADER_TEXT = 60
_PAGE_WIDTH = 765.0  # points between the margins of A4 landscape, less half a percent
_DIGIT = 5.6  # points in Calibri 11; Excel rounds it to 7 pixels, LibreOffice does not
_ANY_COLUMN = 255.0  # characters, the widest there is
_NARROW, _WIDE = "fijlrtI .,:;'-()", "mwMW@%&"


class TableColumn(NamedTuple):
    """A column of a table; with `is_key` its header stays on one line."""

    header: Cell
    cells: Sequence[Cell]
    is_key: bool = False
    max_width: float = MAX_WIDTH


class _CharacterWidths(dict[str, float]):
    """The width of a character in widths of a digit of Calibri, or somewhat more.

    A line break is wider than any column, so that `line_count` decides.
    """

    def __missing__(self, character: str) -> float:
        if character == "\n":
            width = _ANY_COLUMN
        elif combining(character):
            width = 0.0
        elif character in _WIDE or character > "\u024f":
            width = 2.0 if east_asian_width(character) in "WF" else 1.75
        elif character in _NARROW:
            width = 0.6
        else:
            width = 1.3 if character.isupper() else 1.03
        self[character] = width
        return width


_CHARACTER_WIDTHS = _CharacterWidths()


def text_width(text: str) -> float:
    return sum(map(_CHARACTER_WIDTHS.__getitem__, text))


@lru_cache(maxsize=16_384)
def line_count(text: str, width: float) -> int:
    """Return the number of lines in a column; a word that is too long is broken."""
    available = width - 1
    if text_width(text) <= available:
        return 1
    lines = 0
    for paragraph in text.split("\n"):
        left = 0.0
        for word in paragraph.replace("-", "- ").split(" "):
            wanted = text_width(word)
            if wanted > left:
                broken = max(ceil(wanted / available), 1)
                lines += broken
                left = broken * available
            left -= wanted + text_width(" ")
    return lines


class Table(NamedTuple):
    """The rows of a table, the first of which is its header, with widths and heights."""

    rows: Sequence[Sequence[Cell]]
    widths: Sequence[float]
    heights: Mapping[int, float]
    frozen_columns: int


def lay_out_table(columns: Sequence[TableColumn]) -> Table:
    """Return the columns as a table.

    A header without a visible character becomes a hyphen: the columns of a table have names.
    """
    names = unique_names(single_line(str(column.header.value)) or "-" for column in columns)
    headers = [Cell(name, column.header.style) for name, column in zip(names, columns, strict=True)]
    widths: list[float] = []
    heights = {1: 0.0}
    for header, column in zip(headers, columns, strict=True):
        shown = {cell: _shown(cell) for cell in set(column.cells)}
        longest = max(map(text_width, shown.values()), default=0.0) + _PADDING
        in_header = _header_width(header, is_key=column.is_key) + _PADDING
        width = min(ceil(max(longest, in_header, _MIN_WIDTH)), column.max_width)
        widths.append(width)
        header_height = line_count(_shown(header), width / _BOLD) * LINE_HEIGHT + _FILTER_BUTTON
        heights[1] = max(heights[1], header_height)
        if longest > width:
            lines = {cell: line_count(text, width) for cell, text in shown.items()}
            _raise_rows(heights, [lines[cell] for cell in column.cells])
    rows = [headers, *zip(*(column.cells for column in columns), strict=True)]
    return Table(rows, widths, heights, sum(column.is_key for column in columns))


def table_sheet(
    title: str,
    name: str,
    table: Table,
    page_by: Sequence[str],
    page: tuple[OverviewContent, Texts, str],
) -> Sheet:
    """Return a sheet with a table; a new page starts where the text of `page_by` changes.

    `page` has the legend for the foot of each page.
    """
    content, texts, legend = page
    return Sheet(
        title=title,
        rows=table.rows,
        widths=table.widths,
        heights=table.heights,
        page=page_setup(content, texts, legend, scale=_scale(table.widths)),
        table=name,
        frozen_columns=table.frozen_columns,
        page_breaks=[row for row, pair in enumerate(pairwise(page_by), 2) if pair[0] != pair[1]],
    )


def _shown(cell: Cell) -> str:
    value, style = cell
    if isinstance(value, str):
        return value + style.suffix
    return "" if value is None else str(value)


def _header_width(header: Cell, *, is_key: bool) -> float:
    """Return the width of the header, or of its longest word if it can have several lines."""
    text = str(header.value)
    parts = [text] if is_key else text.split()
    return max((text_width(part + header.style.suffix) for part in parts), default=0.0) * _BOLD


def _raise_rows(heights: dict[int, float], lines: Sequence[int]) -> None:
    """Set the heights of rows with a text of several lines: not every program computes them."""
    for row, count in enumerate(lines, start=2):
        if count > 1:
            heights[row] = max(heights.get(row, 0.0), count * LINE_HEIGHT)


def _scale(widths: Sequence[float]) -> int:
    """Return the percentage at which the columns fit on a page."""
    points = sum(widths) * _DIGIT
    return max(min(100, int(100 * _PAGE_WIDTH / points)), 10)


def page_setup(
    content: OverviewContent, texts: Texts, legend: str = "", scale: int | None = None
) -> PageSetup:
    """Return landscape with this scale, or without one portrait on one page."""
    words = texts.overview
    return PageSetup(
        is_landscape=scale is not None,
        scale=scale,
        header=(
            page_header_text(f"{words.title} {content.administration.name}"),
            page_header_text(school_line(content)),
        ),
        footer=(
            page_header_text(words.confidential),
            page_header_text(legend),
            f"{words.page} &P {words.of_pages} &N",
        ),
    )


def page_header_text(text: str) -> str:
    """Escape `&`, which starts a code in page headers, and stay within their 255 characters."""
    return single_line(text)[:_MAX_HEADER_TEXT].replace("&", "&&")


def school_line(content: OverviewContent) -> str:
    return f"{content.school.name} ({content.school.id})"
