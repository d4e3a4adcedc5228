"""Tables of school feedback: a row per group, and in each cell a number with a bar for its share.

The bar begins with a sign: the letter of its level, so that no colour has to be told from another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.worker.documents.fiche_style import (
    ACCENT,
    GUIDE_SIZE,
    HAIRLINE,
    LABEL_SIZE,
    OUTLINE,
    TEXT,
    TINT,
    WHITE,
    WIDTH,
)
from services.worker.layout.blocks import (
    Block,
    Colour,
    Column,
    Content,
    Graphic,
    PlacedLine,
    TableCell,
    TableRow,
    rectangle,
)
from services.worker.layout.typesetting import typeset_line, wrap_text

LABEL_WIDTH: Final = 126.0
_GAP, _PADDING, _LEADING = 6.0, 4.0, 1.2
_BAR_HEIGHT, _RULE = 11.0, 0.5
_LIGHT: Final[Colour] = (0.84, 0.90, 0.97)
_DARK_FROM = 0.6
"""The part of the way from the lightest to the darkest step from which signs are white."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as long as its `share` (0 to 1) of the cell; `step` is its shade, from 0 to 1."""

    sign: str
    share: float
    step: float


@dataclass(frozen=True, slots=True)
class FeedbackCell:
    """A text with a bar below it; a cell without a figure has no bar."""

    text: str
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """A group with its cells; of the school itself it `is_own`."""

    label: str
    cells: tuple[FeedbackCell, ...]
    is_own: bool = False


def shade(step: float) -> Colour:
    """Return a step of the one hue of all bars: 0 is the lightest, 1 the darkest."""
    low, high = _LIGHT, ACCENT
    red, green, blue = (a + (b - a) * step for a, b in zip(low, high, strict=True))
    return red, green, blue


@lru_cache(maxsize=1024)
def table_header(names: tuple[str, ...]) -> Block:
    """Return the headers of the columns, the first of which is that of the labels."""
    columns = _columns(len(names) - 1)
    cells, height = [], 0.0
    for (x, width), name in zip(columns, names, strict=True):
        cell = Column(x=x, height=_PADDING)
        lines = wrap_text(name, LABEL_SIZE, width, bold=True)
        placed = cell.place_lines(lines, LABEL_SIZE, ACCENT, leading=_LEADING)
        cells.append(TableCell("TH", placed))
        height = max(height, cell.height + _PADDING)
    rule = rectangle(0, height, WIDTH, 1.0, fill=ACCENT)
    return Block(height + 1.0, (TableRow(tuple(cells)), rule))


def table_row(row: FeedbackRow) -> Block:
    """Return a row: label and texts belong to the table, bars repeat them for the eye."""
    columns = _columns(len(row.cells))
    label = Column(x=columns[0][0], height=_PADDING)
    lines = wrap_text(row.label, GUIDE_SIZE, columns[0][1], bold=row.is_own)
    cells = [TableCell("TH", label.place_lines(lines, GUIDE_SIZE, TEXT, leading=_LEADING))]
    bars: list[Graphic] = []
    height = label.height
    for (x, width), one in zip(columns[1:], row.cells, strict=True):
        cell = Column(x=x, height=_PADDING)
        lines = wrap_text(one.text, GUIDE_SIZE, width, bold=row.is_own)
        placed = cell.place_lines(lines, GUIDE_SIZE, TEXT, leading=_LEADING)
        cells.append(TableCell("TD", placed))
        if one.bar:
            bars += _bar(one.bar, x, cell.height + 1, width)
            cell.add_space(_BAR_HEIGHT + 2)
        height = max(height, cell.height)
    height += _PADDING
    tint = [rectangle(0, 0, WIDTH, height, fill=TINT)] if row.is_own else []
    rule = rectangle(0, height, WIDTH, _RULE, fill=HAIRLINE)
    contents: tuple[Content, ...] = (*tint, *bars, rule, TableRow(tuple(cells)))
    return Block(height + _RULE, contents)


@lru_cache(maxsize=16)
def _columns(count: int) -> list[tuple[float, float]]:
    """Return the place and the width of the column of labels, and of `count` others."""
    room = (WIDTH - LABEL_WIDTH) / count
    others = [(LABEL_WIDTH + number * room + _GAP, room - _GAP) for number in range(count)]
    return [(_GAP, LABEL_WIDTH - _GAP), *others]


def _bar(bar: Bar, x: float, y: float, width: float) -> list[Graphic]:
    """Return a sign in a box, and next to it the bar within an outline of the whole."""
    colour, room = shade(bar.step), width - _BAR_HEIGHT - 1
    left = x + _BAR_HEIGHT + 1
    line = typeset_line(bar.sign, bold=True)
    size = min(LABEL_SIZE, (_BAR_HEIGHT - 1) / line.width)
    start = x + (_BAR_HEIGHT - line.width * size) / 2
    sign_colour = WHITE if bar.step >= _DARK_FROM else TEXT
    length = min(max(bar.share, 0.0), 1.0) * room
    drawn: list[Graphic] = [
        rectangle(x, y, _BAR_HEIGHT, _BAR_HEIGHT, fill=colour),
        rectangle(x, y, _BAR_HEIGHT, _BAR_HEIGHT, outline=OUTLINE, line_width=0.5),
        PlacedLine(line, start, y + _BAR_HEIGHT / 2 + size * 0.34, size, sign_colour),
        rectangle(left, y, room, _BAR_HEIGHT, outline=HAIRLINE, line_width=0.5),
    ]
    if length:
        drawn.append(rectangle(left, y, length, _BAR_HEIGHT, fill=colour))
        drawn.append(rectangle(left, y, length, _BAR_HEIGHT, outline=OUTLINE, line_width=0.5))
    return drawn


def cells_of_levels(
    texts: Sequence[str], shares: Sequence[float], signs: Sequence[str]
) -> tuple[FeedbackCell, ...]:
    """Return the cells of a row over the levels, from the lowest up, each darker than the last."""
    last = max(len(signs) - 1, 1)
    return tuple(
        FeedbackCell(text, Bar(sign, share, number / last))
        for number, (text, share, sign) in enumerate(zip(texts, shares, signs, strict=True))
    )
