"""Writes blocks of ink as tagged PDF operators that flow: each leaves the pen below itself."""

from collections.abc import Iterator
from dataclasses import dataclass

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


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:g}"


def _colour(colour: Colour) -> str:
    return " ".join([f"{part:g}" for part in colour])


class _Pen:
    """Collects operators; remembers the colours set, which outlast a part."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.spares: set[Spare] = set()
        self._fill: Colour | None = None

    def write(self, operators: str) -> None:
        self.out.append(operators.encode("ascii"))

    def fill_with(self, colour: Colour) -> None:
        if colour != self._fill:
            self._fill = colour
            self.write(f"{_colour(colour)} rg")

    def draw(self, ink: Words | Shape, *, is_followed: bool = False) -> None:
        if isinstance(ink, Shape):
            self._shape(ink)
        else:
            self._words(ink, is_followed=is_followed)

    def _shape(self, shape: Shape) -> None:
        path = [
            f"{_number(x)} {_number(-y)} {'l' if place else 'm'}"
            for place, (x, y) in enumerate(shape.points)
        ]
        if shape.fill is not None:
            self.fill_with(shape.fill)
        if shape.outline is not None:
            self.write(f"{_colour(shape.outline)} RG {_number(shape.line_width)} w")
        if shape.dashes:
            self.write(f"[{' '.join(map(_number, shape.dashes))}]0 d")
        paint = "B" if shape.fill and shape.outline else "f" if shape.fill else "S"
        self.write(f"{' '.join(path)} h {paint}")
        if shape.dashes:
            self.write("[]0 d")

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
            self.write("EMC")

    def _piece(self, piece: Piece, words: Words, *, ends: str) -> None:
        face, size = piece.face, words.size
        x, y = words.x + piece.x * size, -words.y
        self.write(f"BT 1 0 0 1 {_number(x)} {_number(y)} Tm")
        if face.stroke:
            width = _number(face.stroke * size)
            self.write(f"{_colour(words.colour)} RG {width} w 2 Tr")
        self._show(face, piece.text + ends, size * face.scale)
        for mark in piece.marks:
            x, y = words.x + mark.x * size, mark.y * size - words.y
            self.write(f"1 0 0 1 {_number(x)} {_number(y)} Tm")
            self._show(face, mark.text, size * face.scale)
        self.write("0 Tr ET" if face.stroke else "ET")

    def _show(self, face: Face, text: str, size: float) -> None:
        resource = RESOURCE_NAMES[face.name]
        font_size = _number(size).encode("ascii")
        for is_spare, run in _runs(face, text):
            if is_spare:
                self.spares.update((face.name, letter) for letter in run)
            name = resource + SPARE if is_spare else resource
            self.out.append(b"/%b %b Tf%bTj" % (name, font_size, encoded(face, run)))


def _runs(face: Face, text: str) -> Iterator[tuple[bool, str]]:
    standing = repertoire(face) if face.name != "Wide" else frozenset()
    if standing.issuperset(text):
        yield False, text
        return
    run, was_spare = "", False
    for letter in text:
        is_spare = letter not in standing
        if run and is_spare != was_spare:
            yield was_spare, run
            run = ""
        run, was_spare = run + letter, is_spare
    yield was_spare, run


def _bounds(part: Part) -> Bounds | None:
    """Of the shapes, which enclose the words of a figure."""
    points = [point for ink in part.inks if isinstance(ink, Shape) for point in ink.points]
    points += [(ink.x, ink.y + ink.size / 3) for ink in part.inks if isinstance(ink, Words)]
    if part.role != "Figure" or not points:
        return None
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
            pen.write("/Artifact BMC" if in_artifact else "EMC")
        if isinstance(ink, Part):
            tag = _TAGS.get(ink.role, ink.role.encode("ascii"))
            pen.out.append(b"/%b<</MCID %d>>BDC" % (tag, first + len(parts)))
            for place, one in enumerate(ink.inks, start=1):
                pen.draw(one, is_followed=place < len(ink.inks) and ink.role != "Figure")
            pen.write("EMC")
            parts.append(SpokenPart(ink.role, ink.alternative, _bounds(ink)))
        else:
            pen.draw(ink)
    if in_artifact:
        pen.write("EMC")
    if block.height:
        pen.write(f"1 0 0 1 0 {-block.height:.3f} cm")
    pen.write("")
    return Drawing(b"\n".join(pen.out), tuple(parts), frozenset(pen.spares))
