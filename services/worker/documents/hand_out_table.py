"""The table of a hand-out list: a row per student, with a box to tick and room to sign.

A row of which each text fits on one line, as nearly all do, is a copy of another with other texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from services.worker.documents.fiche_style import (
    ACCENT,
    GUIDE_SIZE,
    HAIRLINE,
    LABEL_SIZE,
    OUTLINE,
    TEXT,
    TINT,
    WIDTH,
)
from services.worker.layout.blocks import (
    Block,
    Column,
    Content,
    PlacedLine,
    TableCell,
    TableRow,
    rectangle,
)
from services.worker.layout.fonts import font_faces
from services.worker.layout.typesetting import is_simple, wrap_text
from services.worker.pdf.content_stream import (
    ContentStream,
    StructureElement,
    write_content_stream,
)
from services.worker.pdf.fonts import base_subset, encode_text
from shared.core.drawable_text import graphemes, normalize_text, undrawable_characters
from shared.documents.hand_out_lists.content import HandOutEntry
from shared.documents.hand_out_lists.texts import HandOutTexts

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_NO_NUMBER = "\N{EN DASH}"


class _TableColumn(NamedTuple):
    x: float
    width: float
    is_bold: bool = False


_NAME = _TableColumn(6.0, 178.0, is_bold=True)
_STAMNUMMER = _TableColumn(192.0, 58.0)
_NUMBER = _TableColumn(258.0, 76.0)
_SIGNATURE = _TableColumn(342.0, WIDTH - 342.0)
_REASON = _TableColumn(_NUMBER.x, WIDTH - _NUMBER.x - 6.0, is_bold=True)
_LEADING = 1.2
_PADDING = 3.0
_BOX = 11.0
_RULE = 0.5
_LINE_HEIGHT = GUIDE_SIZE * _LEADING + 2 * _PADDING


def drawable(text: str) -> str:
    """Return the text with a replacement for each letter that no shipped face covers."""
    if not undrawable_characters(text):
        return text
    letters = graphemes(normalize_text(text))
    return "".join(REPLACEMENT if undrawable_characters(one) else one for one in letters)


def entry_name(entry: HandOutEntry) -> str:
    """Return family and given name, or the one that there is, or a replacement."""
    names = (normalize_text(drawable(name)) for name in (entry.family_name, entry.given_name))
    return ", ".join(filter(None, names)) or REPLACEMENT


@lru_cache(maxsize=16)
def table_header(names: tuple[str, ...]) -> Block:
    """Return the names of the columns as a row."""
    cells, height = [], 0.0
    for column, name in zip((_NAME, _STAMNUMMER, _NUMBER, _SIGNATURE), names, strict=True):
        cell = Column(x=column.x, height=_PADDING)
        lines = wrap_text(name, LABEL_SIZE, column.width, bold=True)
        placed = cell.place_lines(lines, LABEL_SIZE, ACCENT, leading=_LEADING)
        cells.append(TableCell("TH", placed))
        height = max(height, cell.height + _PADDING)
    rule = rectangle(0, height, WIDTH, 1.0, fill=ACCENT)
    return Block(height + 1.0, (TableRow(tuple(cells)), rule))


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A student in the table; `height` is that of its row at least.

    `is_line` is True if each text fits on one line, in the letters that every file has.
    """

    texts: tuple[str, str, str]
    is_missing: bool
    is_line: bool
    height: float

    @classmethod
    def of(cls, entry: HandOutEntry, words: HandOutTexts) -> "TableEntry":
        stamnummer = normalize_text(drawable(entry.stamnummer or "")) or _NO_NUMBER
        number = entry.document_number or ""
        if entry.missing:
            reason = words.missing[entry.missing].name
            number = words.no_fiche.format(reason=f"{reason[:1].lower()}{reason[1:]}")
        texts = entry_name(entry), stamnummer, number
        columns = _columns(is_missing=entry.missing is not None)
        if all(map(_is_line, texts, columns)):
            return cls(texts, entry.missing is not None, is_line=True, height=_LINE_HEIGHT)
        heights = (_cell(text, column).height for text, column in zip(texts, columns, strict=True))
        height = max(heights) + 2 * _PADDING
        return cls(texts, entry.missing is not None, is_line=False, height=height)


def table_height(entries: Sequence[TableEntry], min_height: float) -> float:
    """Return the height of the rows of these entries, each at least so high."""
    return sum([max(min_height, entry.height) + _RULE for entry in entries])


def write_row(entry: TableEntry, min_height: float, first: int) -> ContentStream:
    """Return the content stream of a student, with MCIDs from `first` on."""
    height = max(min_height, entry.height)
    if entry.is_line:
        return _row_stream(height, is_missing=entry.is_missing).with_texts(entry.texts, first)
    row = _row(entry.texts, height, is_missing=entry.is_missing)
    return write_content_stream(row, first)


def _columns(*, is_missing: bool) -> tuple[_TableColumn, _TableColumn, _TableColumn]:
    return _NAME, _STAMNUMMER, _REASON if is_missing else _NUMBER


def _is_line(text: str, column: _TableColumn) -> bool:
    face = font_faces().of_weight(bold=column.is_bold)[0]
    return (
        is_simple(text, face)
        and base_subset(face).issuperset(text)
        and face.advance_width(text) * GUIDE_SIZE <= column.width
    )


def _cell(text: str, column: _TableColumn) -> Column:
    """Return the lines of a cell from the top of its row."""
    cell = Column(x=column.x)
    lines = wrap_text(text, GUIDE_SIZE, column.width, bold=column.is_bold)
    cell.contents += cell.place_lines(lines, GUIDE_SIZE, TEXT, leading=_LEADING)
    return cell


def _row(texts: tuple[str, str, str], height: float, *, is_missing: bool) -> Block:
    """Return a student as a row; a reason takes the place of the box and the signature."""
    cells: list[TableCell] = []
    for text, column in zip(texts, _columns(is_missing=is_missing), strict=True):
        cell = _cell(text, column)
        down = (height - cell.height) / 2
        lines = tuple(
            PlacedLine(one.line, one.x, one.y + down, one.size, one.colour)
            for one in cell.contents
            if isinstance(one, PlacedLine)
        )
        cells.append(TableCell("TD" if cells else "TH", lines))
    row = TableRow((*cells, TableCell("TD", ())))
    rule = rectangle(0, height, WIDTH, _RULE, fill=HAIRLINE)
    box = rectangle(_SIGNATURE.x, (height - _BOX) / 2, _BOX, _BOX, outline=OUTLINE, line_width=0.9)
    tint = rectangle(0, 0, WIDTH, height, fill=TINT)
    contents: tuple[Content, ...] = (tint, row, rule) if is_missing else (row, rule, box)
    return Block(height + _RULE, contents)


@dataclass(frozen=True, slots=True, eq=False)
class _RowStream:
    """The content stream of a row, with places for the MCIDs and the texts."""

    pattern: bytes
    elements: tuple[StructureElement, ...]
    columns: tuple[_TableColumn, ...]

    def with_texts(self, texts: tuple[str, str, str], first: int) -> ContentStream:
        values: list[int | bytes] = []
        for number, (text, column) in enumerate(zip(texts, self.columns, strict=True), first):
            face = font_faces().of_weight(bold=column.is_bold)[0]
            values += (number, encode_text(face, text))
        return ContentStream(self.pattern % tuple(values), self.elements, frozenset())


@lru_cache(maxsize=64)
def _row_stream(height: float, *, is_missing: bool) -> _RowStream:
    sample = write_content_stream(_row(("A", "B", "C"), height, is_missing=is_missing), 0)
    pattern, columns = sample.operators.replace(b"%", b"%%"), _columns(is_missing=is_missing)
    for number, (text, column) in enumerate(zip("ABC", columns, strict=True)):
        face = font_faces().of_weight(bold=column.is_bold)[0]
        mark, line = b"/MCID %d>>" % number, encode_text(face, text)
        if (pattern.count(mark), pattern.count(line)) != (1, 1):
            raise ValueError("the stream of a row has another text than its own: look at `_row`")
        pattern = pattern.replace(mark, b"/MCID %d>>").replace(line, b"%b")
    return _RowStream(pattern, sample.elements, columns)
