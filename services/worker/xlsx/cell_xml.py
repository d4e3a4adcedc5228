"""The XML of cells (ECMA-376 part 1, 18.3.1.4) without their references.

A cell is a reference, as in `<c r="E17`, and what follows it, as in `" s="4" t="s"><v>12</v></c>`.
There are few different continuations, so each is made once; a row combines them with references.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.worker.xlsx.sheet_writer import CellStyle
from services.worker.xlsx.text import needs_quote_prefix


@dataclass(frozen=True, slots=True)
class StyleIndexes:
    """The index of each style in `cellXfs`, with and without a quote prefix."""

    indexes: Mapping[tuple[CellStyle, bool], int]

    def of(self, style: CellStyle, text: str = "") -> int:
        return self.indexes[style, needs_quote_prefix(text)]


def text_cell(style: int, shared_string: int) -> str:
    return f'" s="{style}" t="s"><v>{shared_string}</v></c>'


def number_cell(style: int, number: int) -> str:
    return f'" s="{style}"><v>{number}</v></c>'


def empty_cell(style: int) -> str:
    return f'" s="{style}"/>'
