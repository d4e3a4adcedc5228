"""The XML of cells (ECMA-376 part 1, 18.3.1.4) and their shared strings (18.4.9)."""

import re
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from services.worker.xlsx.sheet import Cell, CellStyle
from services.worker.xlsx.text import BIDI_CONTROLS, escape_text, needs_quote_prefix

_NEEDS_ESCAPE: Final = re.compile(f"[\x00-\x08\x0b-\x1f&<>_{BIDI_CONTROLS}\ufffe\uffff]")


def xml_text(text: str) -> str:
    return escape(escape_text(text)) if _NEEDS_ESCAPE.search(text) else text


class CellXml(dict[Cell, str]):
    """The XML of each cell after its reference, as in `" s="4" t="s"><v>12</v></c>`.

    There are far fewer different cells than cells, so each is made once. Texts get an index in the
    order in which they are found.
    """

    def __init__(self, styles: Mapping[tuple[CellStyle, bool], int]) -> None:
        super().__init__()
        self._styles = styles
        self._strings: dict[str, int] = {}

    def __missing__(self, cell: Cell) -> str:
        value, style = cell
        if isinstance(value, str) and value:
            index = self._strings.setdefault(value, len(self._strings))
            number = self._styles[style, needs_quote_prefix(value)]
            xml = f'" s="{number}" t="s"><v>{index}</v></c>'
        elif isinstance(value, int):
            xml = f'" s="{self._styles[style, False]}"><v>{value}</v></c>'
        else:
            xml = f'" s="{self._styles[style, False]}"/>'
        self[cell] = xml
        return xml

    def shared_string_items(self) -> str:
        """Return the items of the shared string table, by index."""
        return "".join(
            f'<si><t xml:space="preserve">{xml_text(text)}</t></si>' for text in self._strings
        )
