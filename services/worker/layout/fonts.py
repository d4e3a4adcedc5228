"""The typefaces that ship with the service, and their glyph metrics.

Fira Sans draws nearly every name in Latin, Greek and Cyrillic script, each letter with any mark.
Noto Sans is the fallback for rare letters and marks; DejaVu Sans for signs: arrows, mathematics,
geometry, ticks and bullets. Letters of other scripts need shaping, which nothing here does: they
are not drawn at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from struct import unpack
from threading import Lock
from unicodedata import category

from reportlab.pdfbase.ttfonts import TTFont

NOTO_SCALE = 0.97  # gives Noto's letters the x-height and cap height of Fira's
NOTO_BOLD_STROKE = 0.05  # Noto ships as one variable font, used at its regular weight
SIGN_SCALE = 0.945  # gives DejaVu's signs the cap height of Fira's letters
SIGN_BOLD_STROKE = 0.06
_SIGN_BLOCKS = (range(0x2010, 0x2800), range(0x2900, 0x2C00))
"""From general punctuation to arrows, without Braille patterns, of which one is blank."""

_SCRIPT_BLOCKS = (
    range(0x0530),  # Basic Latin to Cyrillic Supplement
    range(0x1AB0, 0x1B00),  # Combining Diacritical Marks Extended
    range(0x1C80, 0x1C90),  # Cyrillic Extended-C
    range(0x1D00, 0x2000),  # phonetic letters, marks, Latin Extended Additional, Greek Extended
    range(0x2000, 0x2C00),  # punctuation, currency and other signs
    range(0x2C60, 0x2C80),  # Latin Extended-C
    range(0x2DE0, 0x2E80),  # Cyrillic Extended-A, Supplemental Punctuation
    range(0xA640, 0xA6A0),  # Cyrillic Extended-B
    range(0xA700, 0xA800),  # Modifier Tone Letters, Latin Extended-D
    range(0xAB30, 0xAB70),  # Latin Extended-E
    range(0xFB00, 0xFB07),  # Latin ligatures
    range(0xFE20, 0xFE30),  # Combining Half Marks
    range(0xFFFD, 0xFFFE),  # the replacement character
)
"""The Unicode blocks of the scripts that are drawn right without shaping."""

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
    """Return the characters of a font in the scripts that are drawn right."""
    return frozenset(
        chr(code)
        for code, glyph in font.face.charToGlyph.items()
        if glyph and any(code in block for block in _SCRIPT_BLOCKS)
    )


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
    fira = "fontpkg_fira_sans"
    regular = _load("Regular", fira, f"{fira}/files/FiraSans-Regular.ttf")
    bold = _load("Bold", fira, f"{fira}/files/FiraSans-Bold.ttf")
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
