"""The typefaces that ship with the service, and their glyph metrics.

Atkinson Hyperlegible is made for low vision but covers Western and Central European letters only.
Noto Sans is the fallback for Vietnamese, Greek, Cyrillic, rarer Latin letters and combining marks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from struct import unpack
from threading import Lock

from reportlab.pdfbase.ttfonts import TTFont

NOTO_SCALE = 0.93  # gives Noto's letters the x-height and cap height of Atkinson's
NOTO_BOLD_STROKE = 0.05  # Noto ships as one variable font, used at its regular weight
_MAX_LISTED_CODE_POINTS = 20

FONT_LOCK = Lock()
"""Held during subsetting and drawing: ReportLab's fonts keep a read position and a state."""


class UndrawableTextError(Exception):
    """No shipped face covers these characters; `fields` names where, `code_points` which.

    Code points are sorted and listed once: enough to find a face, not enough to read a name.
    """

    def __init__(self, characters: Mapping[str, frozenset[str]]) -> None:
        self.fields = tuple(characters)
        found = sorted(frozenset().union(*characters.values()))
        self.code_points = tuple(f"U+{ord(character):04X}" for character in found)
        listed = ", ".join(self.code_points[:_MAX_LISTED_CODE_POINTS])
        super().__init__(
            f"no shipped face has {listed} in {', '.join(self.fields)};"
            " add one to services/worker/layout/fonts.py or have the delivery corrected"
        )


@dataclass(frozen=True, slots=True)
class GlyphBox:
    """The bounding box of a glyph in ems, relative to its origin on the baseline."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One font file in one role; lengths are in ems of the requested size.

    `scale` is applied to that size; `stroke` is an outline that makes a regular face bold.
    """

    name: str
    font: TTFont
    scale: float = 1.0
    stroke: float = 0.0

    def covers(self, characters: str) -> bool:
        glyphs = self.font.face.charToGlyph
        return all(glyphs.get(ord(character)) for character in characters)

    def advance_width(self, text: str) -> float:
        face = self.font.face
        widths, default = face.charWidths, face.defaultWidth
        thousandths: float = sum([widths.get(code, default) for code in map(ord, text)])
        return self.scale * thousandths / 1000

    def glyph_box(self, character: str) -> GlyphBox:
        """Return the bounding box; empty for a glyph without an outline."""
        face = self.font.face
        glyph = face.charToGlyph[ord(character)]
        if face.glyphPos[glyph] == face.glyphPos[glyph + 1]:
            return GlyphBox(0.0, 0.0, 0.0, 0.0)
        start = face.get_table_pos("glyf")[0] + face.glyphPos[glyph]
        unit = self.scale / face.unitsPerEm
        left, bottom, right, top = unpack(">4h", face.get_chunk(start + 2, 8))
        return GlyphBox(left * unit, bottom * unit, right * unit, top * unit)


@dataclass(frozen=True, slots=True)
class FontFaces:
    """The faces per weight, in fallback order."""

    regular: tuple[Face, ...]
    bold: tuple[Face, ...]

    def of_weight(self, *, bold: bool) -> tuple[Face, ...]:
        return self.bold if bold else self.regular


def _load(name: str, package: str, file: str) -> TTFont:
    return TTFont(name, str(files(package).joinpath("files", file)), asciiReadable=False)


@cache
def font_faces() -> FontFaces:
    """Return the shipped faces, which are read once per process."""
    regular = _load("Regular", "fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Regular.ttf")
    bold = _load("Bold", "fontpkg_atkinson_hyperlegible", "AtkinsonHyperlegible-Bold.ttf")
    wide = _load("Wide", "fontpkg_noto_sans", "NotoSans[wdth,wght].ttf")
    return FontFaces(
        regular=(Face("Regular", regular), Face("Wide", wide, NOTO_SCALE)),
        bold=(Face("Bold", bold), Face("Wide", wide, NOTO_SCALE, NOTO_BOLD_STROKE)),
    )
