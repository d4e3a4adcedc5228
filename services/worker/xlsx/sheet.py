"""A sheet as plain data: cells with values and styles, and how they are shown and printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from openpyxl.styles import Alignment, Border, Font, PatternFill


@dataclass(frozen=True, slots=True, eq=False)
class CellStyle:
    """The style of a cell, compared by identity; `suffix` is shown after a text, not part of it."""

    font: Font
    fill: PatternFill
    alignment: Alignment
    border: Border
    suffix: str = ""

    @property
    def number_format(self) -> str:
        return f'@"{self.suffix}"' if self.suffix else "General"


class Cell(NamedTuple):
    """A text, which stays text whatever it looks like, a number, or nothing."""

    value: str | int | None
    style: CellStyle


@dataclass(frozen=True, slots=True)
class PageSetup:
    """The print settings of a sheet on A4: `scale` in percent, or None to fit it onto one page.

    A sheet that is fitted has no page breaks of its own: Excel ignores them. Header and footer are
    in the syntax of ECMA-376 part 1, 18.3.1.39: left and right; left, centre and right.
    """

    is_landscape: bool
    scale: int | None
    header: tuple[str, str]
    footer: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet; widths are in characters, heights in points by row number.

    With the name of a `table` the first row is its header: it has filters, does not scroll, and is
    repeated on each page. A new page starts after each row in `page_breaks`.
    """

    title: str
    rows: Sequence[Sequence[Cell]]
    widths: Sequence[float]
    page: PageSetup
    heights: Mapping[int, float] = field(default_factory=dict)
    table: str = ""
    frozen_columns: int = 0
    page_breaks: Sequence[int] = ()
