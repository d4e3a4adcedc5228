"""Content streams with marked content (ISO 32000-1, 7.8.2 and 14.6) of blocks.

The operators of a block start at its top left and end by moving the origin below it. So streams can
be concatenated, and a block need not know its position on the page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal, NamedTuple

from services.worker.layout.blocks import (
    Block,
    Colour,
    Graphic,
    PageArtifact,
    PlacedLine,
    Polygon,
    Role,
    TableRow,
    TaggedContent,
)
from services.worker.layout.fonts import Face
from services.worker.layout.typesetting import TextRun, is_simple
from services.worker.pdf.fallback_font import FALLBACK_SUFFIX, RESOURCE_NAMES, FallbackCharacter
from services.worker.pdf.fonts import base_subset, encode_text
from services.worker.pdf.objects import text_string

RESTORE_STATE = b"Q\n"
_TAGS = {"LI": "LBody"}


def save_state_at(x: float, y: float) -> bytes:
    """Return operators that save the graphics state and move the origin, in points."""
    return b"q 1 0 0 1 %.3f %.3f cm\n" % (x, y)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Points from a block's top left, y down."""

    left: float
    top: float
    right: float
    bottom: float


class CellElement(NamedTuple):
    """A cell in a row of a table; an empty one has no marked content."""

    role: Literal["TH", "TD"]
    is_empty: bool


@dataclass(frozen=True, slots=True)
class StructureElement:
    """An element of `count` consecutive pieces of marked content; MCIDs count from 0 on a page.

    A row of a table, `TR`, has a piece per cell that is not empty.
    """

    role: Role | Literal["TR"]
    alternative: str = ""
    bounds: Bounds | None = None
    count: int = 1
    cells: tuple[CellElement, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ContentStream:
    """The operators of a block, its structure elements in order, and its fallback characters."""

    operators: bytes
    elements: tuple[StructureElement, ...]
    fallback_characters: frozenset[FallbackCharacter]


@cache
def _colour_operands(colour: Colour) -> bytes:
    return b"%g %g %g" % colour


class _OperatorWriter:
    """Operators, with the fill colour of the graphics state, which outlasts marked content."""

    def __init__(self) -> None:
        self.operators: list[bytes] = []
        self.fallback_characters: set[FallbackCharacter] = set()
        self._fill: Colour | None = None

    def set_fill(self, colour: Colour) -> None:
        if colour != self._fill:
            self._fill = colour
            self.operators.append(b"%b rg" % _colour_operands(colour))

    def draw(self, graphic: Graphic, *, is_followed: bool = False) -> None:
        if isinstance(graphic, Polygon):
            self._polygon(graphic)
        else:
            self._line(graphic, is_followed=is_followed)

    def _polygon(self, polygon: Polygon) -> None:
        if polygon.fill is not None:
            self.set_fill(polygon.fill)
        if polygon.outline is not None:
            colour = _colour_operands(polygon.outline)
            self.operators.append(b"%b RG %.2f w" % (colour, polygon.line_width))
        if polygon.dashes:
            dashes = b" ".join([b"%.2f" % dash for dash in polygon.dashes])
            self.operators.append(b"[%b]0 d" % dashes)
        (x, y), *others = polygon.points
        path = b"".join([b" %.2f %.2f l" % (x, -y) for x, y in others])
        paint = b"B" if polygon.fill and polygon.outline else b"f" if polygon.fill else b"S"
        self.operators.append(b"%.2f %.2f m%b h %b" % (x, -y, path, paint))
        if polygon.dashes:
            self.operators.append(b"[]0 d")

    def _line(self, line: PlacedLine, *, is_followed: bool) -> None:
        """Write a line; one that `is_followed` by a line of its element ends with a space."""
        runs = line.line.runs
        if not runs:
            return
        self.set_fill(line.colour)
        span = b"/Lang" + text_string(line.language) if line.language else b""
        if any(run.marks for run in runs):
            # Text extraction would take marks off the baseline for other lines.
            span += b"/ActualText" + text_string(line.line.text)
        if span:
            self.operators.append(b"/Span<<%b>>BDC" % span)
        for run in runs:
            self._run(run, line, ending=" " if is_followed and run is runs[-1] else "")
        if span:
            self.operators.append(b"EMC")

    def _run(self, run: TextRun, line: PlacedLine, *, ending: str) -> None:
        face, size = run.face, line.size
        stroke = b""
        if face.stroke:
            stroke = b"%b RG %.2f w 2 Tr " % (_colour_operands(line.colour), face.stroke * size)
        x, y = line.x + run.x * size, -line.y
        self.operators.append(b"BT %b1 0 0 1 %.2f %.2f Tm" % (stroke, x, y))
        self._show(face, run.text + ending, size * face.scale)
        for mark in run.marks:
            x, y = line.x + mark.x * size, mark.y * size - line.y
            self.operators.append(b"1 0 0 1 %.2f %.2f Tm" % (x, y))
            self._show(face, mark.text, size * face.scale)
        self.operators.append(b"0 Tr ET" if face.stroke else b"ET")

    def _show(self, face: Face, text: str, size: float) -> None:
        resource = RESOURCE_NAMES[face.name]
        if base_subset(face).issuperset(text):
            self.operators.append(b"/%b %.2f Tf%bTj" % (resource, size, encode_text(face, text)))
            return
        for is_fallback, part in _split_by_font(face, text):
            if is_fallback:
                characters = (FallbackCharacter(face.name, letter) for letter in part)
                self.fallback_characters.update(characters)
            name = resource + FALLBACK_SUFFIX if is_fallback else resource
            self.operators.append(b"/%b %.2f Tf%bTj" % (name, size, encode_text(face, part)))


def _split_by_font(face: Face, text: str) -> Iterator[tuple[bool, str]]:
    """Yield parts of the text, and whether each needs the fallback font."""
    base = base_subset(face)
    for is_fallback, letters in groupby(text, lambda letter: letter not in base):
        yield is_fallback, "".join(letters)


def _figure_bounds(content: TaggedContent) -> Bounds | None:
    """Return the bounds of a figure's polygons, which enclose its text."""
    if content.role != "Figure":
        return None
    points = [point for one in content.graphics if isinstance(one, Polygon) for point in one.points]
    points += [
        (one.x, one.y + one.size / 3) for one in content.graphics if isinstance(one, PlacedLine)
    ]
    across, down = [x for x, _ in points], [y for _, y in points]
    return Bounds(min(across), min(down), max(across), max(down))


def write_content_stream(block: Block, first: int) -> ContentStream:
    """Return the content stream of a block, with MCIDs from `first` on."""
    writer = _OperatorWriter()
    operators = writer.operators
    elements: list[StructureElement] = []
    in_artifact, mcid = False, first
    for content in block.contents:
        is_marked = isinstance(content, TaggedContent | PageArtifact | TableRow)
        if in_artifact == is_marked:
            in_artifact = not in_artifact
            operators.append(b"/Artifact BMC" if in_artifact else b"EMC")
        if isinstance(content, PageArtifact):
            _write_page_artifact(writer, content)
        elif isinstance(content, TaggedContent):
            tag = _TAGS.get(content.role, content.role)
            _write_marked(writer, tag, content.graphics, mcid, ends=content.role != "Figure")
            bounds = _figure_bounds(content)
            elements.append(StructureElement(content.role, content.alternative, bounds))
            mcid += 1
        elif isinstance(content, TableRow):
            elements.append(_write_row(writer, content, mcid))
            mcid += elements[-1].count
        else:
            writer.draw(content)
    if in_artifact:
        operators.append(b"EMC")
    if block.height:
        operators.append(b"1 0 0 1 0 %.3f cm" % -block.height)
    operators.append(b"")
    fallback_characters = frozenset(writer.fallback_characters)
    return ContentStream(b"\n".join(operators), tuple(elements), fallback_characters)


def _write_marked(
    writer: _OperatorWriter, tag: str, graphics: Sequence[Graphic], mcid: int, *, ends: bool = True
) -> None:
    """Write a piece of marked content; with `ends`, all lines but the last end with a space."""
    writer.operators.append(b"/%b<</MCID %d>>BDC" % (tag.encode("ascii"), mcid))
    count = len(graphics)
    for number, graphic in enumerate(graphics, start=1):
        writer.draw(graphic, is_followed=ends and number < count)
    writer.operators.append(b"EMC")


def _write_row(writer: _OperatorWriter, row: TableRow, mcid: int) -> StructureElement:
    """Write the cells that are not empty, and return the element of the row."""
    filled = [cell for cell in row.cells if cell.graphics]
    for number, cell in enumerate(filled, start=mcid):
        _write_marked(writer, cell.role, cell.graphics, number)
    cells = tuple(CellElement(cell.role, not cell.graphics) for cell in row.cells)
    return StructureElement("TR", count=len(filled), cells=cells)


def _write_page_artifact(writer: _OperatorWriter, artifact: PageArtifact) -> None:
    subtype = artifact.place.encode("ascii")
    writer.operators.append(b"/Artifact<</Type/Pagination/Subtype/%b>>BDC" % subtype)
    for graphic in artifact.graphics:
        writer.draw(graphic)
    writer.operators.append(b"EMC")


def join_content_streams(streams: Sequence[ContentStream]) -> ContentStream:
    """Return one content stream of these, each below the previous one."""
    return ContentStream(
        b"".join([stream.operators for stream in streams]),
        tuple([element for stream in streams for element in stream.elements]),
        frozenset().union(*[stream.fallback_characters for stream in streams]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class LineStream:
    """The content stream of a block of one line at a fixed size, to be completed with its text."""

    face: Face
    before: bytes
    after: bytes
    elements: tuple[StructureElement, ...]

    @classmethod
    def of(cls, block: Block, text: str, face: Face, first: int) -> "LineStream":
        """Split the stream of a block with this text, which occurs once and is simple."""
        stream = write_content_stream(block, first)
        before, after = stream.operators.split(encode_text(face, text))
        return cls(face, before, after, stream.elements)

    def with_text(self, text: str) -> ContentStream | None:
        """Return the stream that the block has with another text; None if that is not simple."""
        if not (is_simple(text, self.face) and base_subset(self.face).issuperset(text)):
            return None
        operators = b"%b%b%b" % (self.before, encode_text(self.face, text), self.after)
        return ContentStream(operators, self.elements, frozenset())
