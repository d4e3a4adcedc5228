"""Ink on a page: blocks of lines, boxes and rules that stack downward and draw on a canvas."""

from codecs import BOM_UTF16_BE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from reportlab.pdfgen.canvas import Canvas

from services.worker.rendering.typesetting import Line, Piece

Colour = tuple[float, float, float]
LEADING: Final = 1.32  # from line to line, of the size
_FILL: Final = 0
_FILL_AND_OUTLINE: Final = 2


@dataclass(frozen=True, slots=True)
class Words:
    """A line at a size; `x` and the baseline `y` in points from the block's top left, y down."""

    line: Line
    x: float
    y: float
    size: float
    colour: Colour

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        pieces = self.line.pieces
        # Marks stand off the line, which reading programs take for other lines: tell them the text.
        has_marks = any(piece.marks for piece in pieces)
        if has_marks:
            spoken = (BOM_UTF16_BE + self.line.text.encode("utf-16-be")).hex()
            canvas.addLiteral(f"/Span <</ActualText <{spoken}>>> BDC")
        for piece in pieces:
            self._draw_piece(canvas, piece, left + self.x, top - self.y)
        if has_marks:
            canvas.addLiteral("EMC")

    def _draw_piece(self, canvas: Canvas, piece: Piece, left: float, baseline: float) -> None:
        text = canvas.beginText(left + piece.x * self.size, baseline)
        text.setFillColorRGB(*self.colour)
        text.setFont(piece.face.name, self.size * piece.face.scale)
        if piece.face.stroke:
            canvas.setLineWidth(piece.face.stroke * self.size)
            text.setStrokeColorRGB(*self.colour)
            text.setTextRenderMode(_FILL_AND_OUTLINE)
        text.textOut(piece.text)
        for mark in piece.marks:
            text.setTextOrigin(left + mark.x * self.size, baseline + mark.y * self.size)
            text.textOut(mark.text)
        if piece.face.stroke:
            text.setTextRenderMode(_FILL)
        canvas.drawText(text)


@dataclass(frozen=True, slots=True)
class Shape:
    """A polygon, filled, outlined or both; points like `Words`, from the block's top left."""

    points: tuple[tuple[float, float], ...]
    fill: Colour | None = None
    outline: Colour | None = None
    line_width: float = 0.0
    dashes: tuple[float, ...] = ()

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        path = canvas.beginPath()
        for number, (x, y) in enumerate(self.points):
            (path.lineTo if number else path.moveTo)(left + x, top - y)
        path.close()
        if self.fill is not None:
            canvas.setFillColorRGB(*self.fill)
        if self.outline is not None:
            canvas.setStrokeColorRGB(*self.outline)
            canvas.setLineWidth(self.line_width)
        if self.dashes:
            canvas.setDash(list(self.dashes))
        canvas.drawPath(path, stroke=int(self.outline is not None), fill=int(self.fill is not None))
        if self.dashes:
            canvas.setDash()


Role = Literal["H1", "H2", "H3", "P", "LI", "Figure"]


@dataclass(frozen=True, slots=True)
class Part:
    """Ink that a screen reader speaks as one thing; ink outside a part is decoration.

    `alternative` is what it says in place of a figure. Parts are drawn in reading order.
    """

    role: Role
    inks: tuple[Words | Shape, ...]
    alternative: str = ""

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        for ink in self.inks:
            ink.draw(canvas, left, top)


Ink = Words | Shape | Part


def moved(inks: Iterable[Ink], down: float, right: float = 0.0) -> Iterator[Ink]:
    """The same ink elsewhere, in points."""
    for ink in inks:
        if isinstance(ink, Part):
            inside = tuple(_moved(one, down, right) for one in ink.inks)
            yield Part(ink.role, inside, ink.alternative)
        else:
            yield _moved(ink, down, right)


def _moved(ink: Words | Shape, down: float, right: float) -> Words | Shape:
    if isinstance(ink, Words):
        return Words(ink.line, ink.x + right, ink.y + down, ink.size, ink.colour)
    points = tuple((x + right, y + down) for x, y in ink.points)
    return Shape(points, ink.fill, ink.outline, ink.line_width, ink.dashes)


def rectangle(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: Colour | None = None,
    outline: Colour | None = None,
    line_width: float = 0.0,
    dashes: tuple[float, ...] = (),
) -> Shape:
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Shape(corners, fill, outline, line_width, dashes)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Ink that stays together, and the height it takes in points; equal to itself only."""

    height: float
    inks: tuple[Ink, ...]

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        for ink in self.inks:
            ink.draw(canvas, left, top)


@lru_cache(maxsize=256)
def space(height: float) -> Block:
    return Block(height, ())


def stacked(blocks: Iterable[Block]) -> Block:
    """One block of these under each other."""
    inks: list[Ink] = []
    height = 0.0
    for block in blocks:
        inks.extend(moved(block.inks, height))
        height += block.height
    return Block(height, tuple(inks))


@dataclass(slots=True)
class Column:
    """Collects lines under each other; `height` is how far it has come, in points."""

    x: float = 0.0
    height: float = 0.0
    inks: list[Ink] = field(default_factory=list)

    def skip(self, height: float) -> None:
        self.height += height

    def set_lines(
        self, lines: Iterable[Line], size: float, colour: Colour, *, leading: float = LEADING
    ) -> tuple[Words, ...]:
        """The lines as ink that is yet to be put in a part; the column grows by their height."""
        words = []
        for line in lines:
            # The baseline stands where the letters fill the leading evenly above and below.
            baseline = self.height + size * (leading / 2 + 0.33)
            words.append(Words(line, self.x, baseline, size, colour))
            self.height += size * leading
        return tuple(words)

    def write(
        self,
        role: Role,
        lines: Iterable[Line],
        size: float,
        colour: Colour,
        *,
        leading: float = LEADING,
    ) -> None:
        """The lines as one part; nothing where there are none."""
        if words := self.set_lines(lines, size, colour, leading=leading):
            self.inks.append(Part(role, words))


def paginate(blocks: Sequence[Block], first: float, further: float) -> Iterator[list[Block]]:
    """Pages of blocks that fit heights `first`, then `further`; a block is never cut."""
    page: list[Block] = []
    room = first
    for block in blocks:
        if page and block.height > room:
            yield page
            page, room = [], further
        page.append(block)
        room -= block.height
    yield page
