"""The cell styles of the overview; text and fill have a contrast of 7:1 or more."""

from functools import cache
from typing import Final

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from services.worker.xlsx.sheet import CellStyle

_TEXT: Final = "1C1F24"
_TINT_LOW, _TINT_HIGH = (246, 249, 252), (176, 204, 235)
_NO_FILL: Final = PatternFill()
_NO_BORDER: Final = Border()
_HAIRLINE: Final = Border(bottom=Side(style="thin", color="FFD9DDE3"))
_WRAPPED: Final = Alignment(vertical="top", wrap_text=True)
_CENTRED: Final = Alignment(horizontal="center", vertical="top", wrap_text=True)


def _font(*, bold: bool = False, italic: bool = False, size: int = 11, colour: str = _TEXT) -> Font:
    return Font(name="Calibri", size=size, bold=bold, italic=italic, color=f"FF{colour}")


def _fill(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=f"FF{colour}")


PLAIN: Final = CellStyle(_font(), _NO_FILL, _WRAPPED, _HAIRLINE)
STATUS: Final = CellStyle(_font(italic=True, colour="4D545E"), _NO_FILL, _WRAPPED, _HAIRLINE)
NUMBER: Final = CellStyle(_font(), _NO_FILL, _CENTRED, _HAIRLINE)
HEADER: Final = CellStyle(_font(bold=True, colour="FFFFFF"), _fill("17385F"), _WRAPPED, _HAIRLINE)
TITLE: Final = CellStyle(
    _font(bold=True, size=16, colour="17385F"), _NO_FILL, Alignment(vertical="center"), _NO_BORDER
)
HEADING: Final = CellStyle(
    _font(bold=True, size=13, colour="17385F"), _NO_FILL, Alignment(vertical="bottom"), _NO_BORDER
)
LEAD: Final = CellStyle(_font(bold=True), _NO_FILL, _WRAPPED, _NO_BORDER)
PROSE: Final = CellStyle(_font(), _NO_FILL, _WRAPPED, _NO_BORDER)
TEXT_STYLES: Final = (PLAIN, STATUS, NUMBER, HEADER, TITLE, HEADING, LEAD, PROSE)


@cache
def count_header(suffix: str) -> CellStyle:
    return CellStyle(HEADER.font, HEADER.fill, _CENTRED, _HAIRLINE, suffix)


@cache
def level_style(step: int, steps: int, suffix: str) -> CellStyle:
    """Return a tint of blue for step `step` of `steps`, where 0 is the lowest."""
    share = step / (steps - 1) if steps > 1 else 0.5
    tint = (
        round(low + (high - low) * share) for low, high in zip(_TINT_LOW, _TINT_HIGH, strict=True)
    )
    fill = _fill("".join(f"{value:02X}" for value in tint))
    return CellStyle(PLAIN.font, fill, _WRAPPED, _HAIRLINE, suffix)
