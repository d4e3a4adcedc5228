"""Writes blocks of ink as tagged PDF operators that flow: each leaves the pen below itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from services.worker.rendering.fonts import Face
from services.worker.rendering.layout import Block, Colour, Part, Role, Shape, Words
from services.worker.rendering.typesetting import Piece
from services.worker.stamping.fiche_fonts import encoded, repertoire
from services.worker.stamping.fiche_objects import text_string

RESOURCE_NAMES = {"Regular": b"R", "Bold": b"B", "Wide": b"W"}
SPARE = b"X"
"""Put after a resource name: the same face with letters that only this fiche needs."""

_TAGS = {"LI": b"LBody"}
Spare = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Points from a block's top left, y down."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """What the structure tree knows of a part; its content has the part's number on the page."""

    role: Role
    alternative: str
    bounds: Bounds | None


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """Operators of a block, its parts in order, and the letters the standing fonts lack."""

    operators: bytes
    parts: tuple[SpokenPart, ...]
    spares: frozenset[Spare]


@cache
def _colour(colour: Colour) -> bytes:
    return b"%g %g %g" % colour


class _Pen:
    """Collects operators; remembers the colours set, which outlast a part."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.spares: set[Spare] = set()
        self._fill: Colour | None = None

    def fill_with(self, colour: Colour) -> None:
        if colour != self._fill:
            self._fill = colour
            self.out.append(b"%b rg" % _colour(colour))

    def draw(self, ink: Words | Shape, *, is_followed: bool = False) -> None:
        if isinstance(ink, Shape):
            self._shape(ink)
        else:
            self._words(ink, is_followed=is_followed)

    def _shape(self, shape: Shape) -> None:
        if shape.fill is not None:
            self.fill_with(shape.fill)
        if shape.outline is not None:
            self.out.append(b"%b RG %.2f w" % (_colour(shape.outline), shape.line_width))
        if shape.dashes:
            self.out.append(b"[%b]0 d" % b" ".join([b"%.2f" % dash for dash in shape.dashes]))
        (x, y), *others = shape.points
        path = b"".join([b" %.2f %.2f l" % (x, -y) for x, y in others])
        paint = b"B" if shape.fill and shape.outline else b"f" if shape.fill else b"S"
        self.out.append(b"%.2f %.2f m%b h %b" % (x, -y, path, paint))
        if shape.dashes:
            self.out.append(b"[]0 d")

    def _words(self, words: Words, *, is_followed: bool) -> None:
        """`is_followed` by a line of the same part: a space tells reading programs so."""
        pieces = words.line.pieces
        if not pieces:
            return
        self.fill_with(words.colour)
        has_marks = any(piece.marks for piece in pieces)
        if has_marks:
            self.out.append(b"/Span<</ActualText%b>>BDC" % text_string(words.line.text))
        for piece in pieces:
            self._piece(piece, words, ends=" " if is_followed and piece is pieces[-1] else "")
        if has_marks:
            self.out.append(b"EMC")

    def _piece(self, piece: Piece, words: Words, *, ends: str) -> None:
        face, size = piece.face, words.size
        stroke = b""
        if face.stroke:
            stroke = b"%b RG %.2f w 2 Tr " % (_colour(words.colour), face.stroke * size)
        self.out.append(b"BT %b1 0 0 1 %.2f %.2f Tm" % (stroke, words.x + piece.x * size, -words.y))
        self._show(face, piece.text + ends, size * face.scale)
        for mark in piece.marks:
            x, y = words.x + mark.x * size, mark.y * size - words.y
            self.out.append(b"1 0 0 1 %.2f %.2f Tm" % (x, y))
            self._show(face, mark.text, size * face.scale)
        self.out.append(b"0 Tr ET" if face.stroke else b"ET")

    def _show(self, face: Face, text: str, size: float) -> None:
        resource = RESOURCE_NAMES[face.name]
        if _standing(face).issuperset(text):
            self.out.append(b"/%b %.2f Tf%bTj" % (resource, size, encoded(face, text)))
            return
        for is_spare, run in _runs(face, text):
            if is_spare:
                self.spares.update((face.name, letter) for letter in run)
            name = resource + SPARE if is_spare else resource
            self.out.append(b"/%b %.2f Tf%bTj" % (name, size, encoded(face, run)))


@cache
def _standing(face: Face) -> frozenset[str]:
    """Letters that are in the fonts of every fiche."""
    return repertoire(face) if face.name != "Wide" else frozenset()


def _runs(face: Face, text: str) -> Iterator[tuple[bool, str]]:
    standing = _standing(face)
    for is_spare, letters in groupby(text, lambda letter: letter not in standing):
        yield is_spare, "".join(letters)


def _bounds(part: Part) -> Bounds | None:
    """Of the shapes, which enclose the words of a figure."""
    if part.role != "Figure":
        return None
    points = [point for ink in part.inks if isinstance(ink, Shape) for point in ink.points]
    points += [(ink.x, ink.y + ink.size / 3) for ink in part.inks if isinstance(ink, Words)]
    across, down = [x for x, _ in points], [y for _, y in points]
    return Bounds(min(across), min(down), max(across), max(down))


def draw(block: Block, first: int) -> Drawing:
    """The block's operators, with its parts numbered on the page from `first`."""
    pen = _Pen()
    parts: list[SpokenPart] = []
    in_artifact = False
    for ink in block.inks:
        if in_artifact != (not isinstance(ink, Part)):
            in_artifact = not in_artifact
            pen.out.append(b"/Artifact BMC" if in_artifact else b"EMC")
        if isinstance(ink, Part):
            tag = _TAGS.get(ink.role, ink.role.encode("ascii"))
            pen.out.append(b"/%b<</MCID %d>>BDC" % (tag, first + len(parts)))
            for place, one in enumerate(ink.inks, start=1):
                pen.draw(one, is_followed=place < len(ink.inks) and ink.role != "Figure")
            pen.out.append(b"EMC")
            parts.append(SpokenPart(ink.role, ink.alternative, _bounds(ink)))
        else:
            pen.draw(ink)
    if in_artifact:
        pen.out.append(b"EMC")
    if block.height:
        pen.out.append(b"1 0 0 1 0 %.3f cm" % -block.height)
    pen.out.append(b"")
    return Drawing(b"\n".join(pen.out), tuple(parts), frozenset(pen.spares))


def joined(drawings: Sequence[Drawing]) -> Drawing:
    """One drawing of these, each below the one before."""
    return Drawing(
        b"".join([drawing.operators for drawing in drawings]),
        tuple([part for drawing in drawings for part in drawing.parts]),
        frozenset().union(*[drawing.spares for drawing in drawings]),
    )
