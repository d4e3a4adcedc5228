"""The typefaces that ship with the service, and which of them can draw a letter.

Atkinson Hyperlegible is made for weak eyesight but knows Western and Central European letters only;
Noto Sans steps in for Vietnamese, Greek, Cyrillic, rarer Latin letters and combining marks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from struct import unpack
from threading import Lock

from reportlab import rl_config
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont

NOTO_SCALE = 0.93  # makes Noto's small letters and capitals as tall as Atkinson's
NOTO_BOLD_STROKE = 0.05  # Noto ships as one variable file, drawn at its regular weight
_SHOWN_CODE_POINTS = 20

# ReportLab's fonts keep a reading position and a state per document: one document at a time.
DRAWING = Lock()


class UndrawableTextError(Exception):
    """No shipped face has these characters; `fields` names where, `code_points` which.

    Code points are sorted and named once each: enough to find a face, not enough to read a name.
    """

    def __init__(self, characters: Mapping[str, frozenset[str]]) -> None:
        self.fields = tuple(characters)
        found = sorted(frozenset().union(*characters.values()))
        self.code_points = tuple(f"U+{ord(character):04X}" for character in found)
        shown = ", ".join(self.code_points[:_SHOWN_CODE_POINTS])
        super().__init__(
            f"no shipped face has {shown} in {', '.join(self.fields)};"
            " add one to services/worker/rendering/fonts.py or have the delivery corrected"
        )


@dataclass(frozen=True, slots=True)
class Box:
    """The ink of a glyph in ems, from the pen and the baseline."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One font file in one role; lengths are in ems of the size asked for.

    `scale` is applied to that size, `stroke` is an outline that makes bold of a regular face.
    """

    name: str
    font: TTFont
    scale: float = 1.0
    stroke: float = 0.0

    def has(self, characters: str) -> bool:
        glyphs = self.font.face.charToGlyph
        return all(glyphs.get(ord(character)) for character in characters)

    def advance(self, text: str) -> float:
        face = self.font.face
        widths, default = face.charWidths, face.defaultWidth
        thousandths: float = sum([widths.get(code, default) for code in map(ord, text)])
        return self.scale * thousandths / 1000

    def box(self, character: str) -> Box:
        """Empty at the pen for a glyph without ink."""
        face = self.font.face
        glyph = face.charToGlyph[ord(character)]
        if face.glyphPos[glyph] == face.glyphPos[glyph + 1]:
            return Box(0.0, 0.0, 0.0, 0.0)
        start = face.get_table_pos("glyf")[0] + face.glyphPos[glyph]
        unit = self.scale / face.unitsPerEm
        left, bottom, right, top = unpack(">4h", face.get_chunk(start + 2, 8))
        return Box(left * unit, bottom * unit, right * unit, top * unit)


@dataclass(frozen=True, slots=True)
class Faces:
    """Per weight the faces to try, first choice first."""

    regular: tuple[Face, ...]
    bold: tuple[Face, ...]

    def of(self, *, bold: bool) -> tuple[Face, ...]:
        return self.bold if bold else self.regular


def _load(name: str, package: str, file: str) -> TTFont:
    font = TTFont(name, str(files(package).joinpath("files", file)), asciiReadable=False)
    registerFont(font)
    return font


@cache
def faces() -> Faces:
    """The shipped faces, read once per process and known to ReportLab by name."""
    # Binary streams: a fifth smaller, and the same whatever a machine's ReportLab settings say.
    rl_config.useA85 = 0
    regular = _load("Regular", "fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Regular.ttf")
    bold = _load("Bold", "fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Bold.ttf")
    wide = _load("Wide", "fontpkg_noto_sans", "NotoSans[wdth,wght].ttf")
    return Faces(
        regular=(Face("Regular", regular), Face("Wide", wide, NOTO_SCALE)),
        bold=(Face("Bold", bold), Face("Wide", wide, NOTO_SCALE, NOTO_BOLD_STROKE)),
    )
