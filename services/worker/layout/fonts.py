"""The typefaces that ship with the service, and their glyph metrics.

Atkinson Hyperlegible is made for low vision but covers Western and Central European letters only.
Noto Sans is the fallback for Vietnamese, Greek, Cyrillic, rarer Latin letters and combining marks;
DejaVu Sans for signs: arrows, mathematics, geometry, ticks and bullets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from struct import unpack
from threading import Lock
from unicodedata import category

from reportlab.pdfbase.ttfonts import TTFont

NOTO_SCALE = 0.93  # gives Noto's letters the x-height and cap height of Atkinson's
NOTO_BOLD_STROKE = 0.05  # Noto ships as one variable font, used at its regular weight
SIGN_SCALE = 0.92  # gives DejaVu's signs the cap height of Atkinson's letters
SIGN_BOLD_STROKE = 0.06
_SIGN_BLOCKS = (range(0x2010, 0x2800), range(0x2900, 0x2C00))
"""From general punctuation to arrows, without Braille patterns, of which one is blank."""

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
            " have the delivery corrected: write another character, or a word"
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

    `characters` are those it is used for. `scale` is applied to the requested size; `stroke` is an
    outline that makes a regular face bold.
    """

    name: str
    font: TTFont
    characters: frozenset[str]
    scale: float = 1.0
    stroke: float = 0.0

    def covers(self, characters: str) -> bool:
        return self.characters.issuperset(characters)

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
    return TTFont(name, str(distribution(package).locate_file(file)), asciiReadable=False)


def _characters(font: TTFont) -> frozenset[str]:
    return frozenset(chr(code) for code, glyph in font.face.charToGlyph.items() if glyph)


def _signs(font: TTFont) -> frozenset[str]:
    """Return the signs of a font; its letters and marks would need shaping, or another face."""
    return frozenset(
        character
        for character in _characters(font)
        if category(character)[0] in "LNPS" and any(ord(character) in one for one in _SIGN_BLOCKS)
    )


@cache
def font_faces() -> FontFaces:
    """Return the shipped faces, which are read once per process."""
    atkinson = "fontpkg_atkinson_hyperlegible"
    regular = _load("Regular", atkinson, f"{atkinson}/files/AtkinsonHyperlegible-Regular.ttf")
    bold = _load("Bold", atkinson, f"{atkinson}/files/AtkinsonHyperlegible-Bold.ttf")
    wide = _load("Wide", "fontpkg_noto_sans", "fontpkg_noto_sans/files/NotoSans[wdth,wght].ttf")
    signs = _load("Signs", "ziafont", "ziafont/fonts/DejaVuSans.ttf")
    wide_characters, sign_characters = _characters(wide), _signs(signs)
    return FontFaces(
        regular=(
            Face("Regular", regular, _characters(regular)),
            Face("Wide", wide, wide_characters, NOTO_SCALE),
            Face("Signs", signs, sign_characters, SIGN_SCALE),
        ),
        bold=(
            Face("Bold", bold, _characters(bold)),
            Face("Wide", wide, wide_characters, NOTO_SCALE, NOTO_BOLD_STROKE),
            Face("Signs", signs, sign_characters, SIGN_SCALE, SIGN_BOLD_STROKE),
        ),
    )
