"""Blocks of lines and polygons that flow down a page, and pagination."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from services.worker.layout.typesetting import TypesetLine

Colour = tuple[float, float, float]
"""Red, green and blue, each from 0 to 1."""

LEADING: Final = 1.32  # line spacing as a multiple of the size


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line at a size; `x` and the baseline `y` in points from the block's top left, y down.

    `language` is the BCP 47 tag of a line in another language than that of the document.
    """

    line: TypesetLine
    x: float
    y: float
    size: float
    colour: Colour
    language: str = ""


@dataclass(frozen=True, slots=True)
class Polygon:
    """A polygon with a fill, an outline or both; points from the block's top left, y down."""

    points: tuple[tuple[float, float], ...]
    fill: Colour | None = None
    outline: Colour | None = None
    line_width: float = 0.0
    dashes: tuple[float, ...] = ()


Graphic = PlacedLine | Polygon
Role = Literal["H1", "H2", "H3", "P", "LI", "Figure"]
"""A standard structure type (ISO 32000-1, 14.8.4)."""


@dataclass(frozen=True, slots=True)
class TaggedContent:
    """Graphics that belong to one structure element; graphics outside of one are artifacts.

    `alternative` is the alternate description of a figure. Elements are drawn in reading order.
    """

    role: Role
    graphics: tuple[Graphic, ...]
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class PageArtifact:
    """The graphics of a running head or foot: an artifact of pagination (ISO 32000-1, 14.8.2.2)."""

    place: Literal["Header", "Footer"]
    graphics: tuple[Graphic, ...]


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table, which may be empty; `TH` is the header of its row or of its column."""

    role: Literal["TH", "TD"]
    graphics: tuple[Graphic, ...]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table. Consecutive rows of a page are one table; give them equally many cells.

    A row of `TH` alone has the headers of the columns.
    """

    cells: tuple[TableCell, ...]


Content = Graphic | TaggedContent | PageArtifact | TableRow


def translate(contents: Iterable[Content], down: float, right: float = 0.0) -> Iterator[Content]:
    """Yield the same content at another position, in points."""
    for content in contents:
        if isinstance(content, TaggedContent):
            graphics = tuple(_translate(graphic, down, right) for graphic in content.graphics)
            yield TaggedContent(content.role, graphics, content.alternative)
        elif isinstance(content, PageArtifact):
            graphics = tuple(_translate(graphic, down, right) for graphic in content.graphics)
            yield PageArtifact(content.place, graphics)
        elif isinstance(content, TableRow):
            yield TableRow(
                tuple(
                    TableCell(
                        cell.role, tuple(_translate(one, down, right) for one in cell.graphics)
                    )
                    for cell in content.cells
                )
            )
        else:
            yield _translate(content, down, right)


def _translate(graphic: Graphic, down: float, right: float) -> Graphic:
    if isinstance(graphic, PlacedLine):
        x, y = graphic.x + right, graphic.y + down
        return PlacedLine(graphic.line, x, y, graphic.size, graphic.colour, graphic.language)
    points = tuple((x + right, y + down) for x, y in graphic.points)
    return Polygon(points, graphic.fill, graphic.outline, graphic.line_width, graphic.dashes)


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
) -> Polygon:
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Polygon(corners, fill, outline, line_width, dashes)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Content that is kept on one page, and its height in points. Compared by identity."""

    height: float
    contents: tuple[Content, ...]


@lru_cache(maxsize=256)
def vertical_space(height: float) -> Block:
    return Block(height, ())


def stack_blocks(blocks: Iterable[Block]) -> Block:
    """Return one block with these below each other."""
    contents: list[Content] = []
    height = 0.0
    for block in blocks:
        contents.extend(translate(block.contents, height))
        height += block.height
    return Block(height, tuple(contents))


@dataclass(slots=True)
class Column:
    """A builder of blocks: content below content; `height` is the used height in points."""

    x: float = 0.0
    height: float = 0.0
    contents: list[Content] = field(default_factory=list)

    def add_space(self, height: float) -> None:
        self.height += height

    def place_lines(
        self,
        lines: Iterable[TypesetLine],
        size: float,
        colour: Colour,
        *,
        leading: float = LEADING,
        language: str = "",
    ) -> tuple[PlacedLine, ...]:
        """Reserve height for the lines and return them placed; the caller adds them."""
        placed = []
        for line in lines:
            # On this baseline the letters have equal space above and below within the leading.
            baseline = self.height + size * (leading / 2 + 0.33)
            placed.append(PlacedLine(line, self.x, baseline, size, colour, language))
            self.height += size * leading
        return tuple(placed)

    def add_lines(
        self,
        role: Role,
        lines: Iterable[TypesetLine],
        size: float,
        colour: Colour,
        *,
        leading: float = LEADING,
        language: str = "",
    ) -> None:
        """Add the lines as one structure element; add nothing if there are none."""
        if placed := self.place_lines(lines, size, colour, leading=leading, language=language):
            self.contents.append(TaggedContent(role, placed))

    def to_block(self) -> Block:
        return Block(self.height, tuple(self.contents))


@dataclass(frozen=True, slots=True)
class FlowBlock:
    """A block in a flow of pages, and the heading to repeat above it if it starts a page."""

    block: Block
    heading: Block | None = None


def paginate(flow: Sequence[FlowBlock], first: float, further: float) -> Iterator[list[Block]]:
    """Yield pages with room for `first`, then `further` points; a block is never split."""
    page: list[Block] = []
    remaining = first
    for item in flow:
        if page and item.block.height > remaining:
            yield page
            page, remaining = [], further
            if item.heading:
                page.append(item.heading)
                remaining -= item.heading.height
        page.append(item.block)
        remaining -= item.block.height
    yield page
