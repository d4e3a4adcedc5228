"""The shared string table (ECMA-376 part 1, 18.4.9) of a workbook."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from services.worker.xlsx.canonical_xml import DECLARATION
from services.worker.xlsx.cell_xml import StyleIndexes, empty_cell, text_cell
from services.worker.xlsx.sheet_writer import CellStyle
from services.worker.xlsx.text import BIDI_CONTROLS, escape_text

PART_NAME: Final = "xl/sharedStrings.xml"
TABLE_START: Final = (
    f'{DECLARATION}<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
)
TABLE_END: Final = "</sst>"

_OFFICE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_CONTENT_TYPES, _RELATIONSHIPS = "[Content_Types].xml", "xl/_rels/workbook.xml.rels"
_TYPES_END, _RELATIONSHIPS_END = "</Types>", "</Relationships>"
_CONTENT_TYPE: Final = (
    f'<Override ContentType="{_OFFICE}.sharedStrings+xml" PartName="/{PART_NAME}"/>'
)
_RELATIONSHIP: Final = (
    '<Relationship Id="rIdStrings" Target="sharedStrings.xml" Type="http://schemas.openxmlformats'
    '.org/officeDocument/2006/relationships/sharedStrings"/>'
)
_INLINE_STRING: Final = re.compile(
    r't="inlineStr"><is><t(?: xml:space="preserve")?>([^<]*)</t></is>'
)
_NEEDS_ESCAPE: Final = re.compile(f"[\x00-\x08\x0b-\x1f&<>_{BIDI_CONTROLS}\ufffe\uffff]")


def xml_text(text: str) -> str:
    return escape(escape_text(text)) if _NEEDS_ESCAPE.search(text) else text


def string_item(xml: str) -> str:
    """Return the `si` element of a text that is escaped already."""
    if xml == xml.strip():
        return f"<si><t>{xml}</t></si>"
    return f'<si><t xml:space="preserve">{xml}</t></si>'


def inline_strings(part: str) -> list[str]:
    """Return the texts of a sheet's cells, as XML."""
    return _INLINE_STRING.findall(part)


def with_shared_strings(pieces: Sequence[str], indexes: Mapping[str, int]) -> tuple[str, ...]:
    """Replace inline strings by references to shared strings."""
    return tuple(
        _INLINE_STRING.sub(lambda found: f't="s"><v>{indexes[found[1]]}</v>', piece)
        for piece in pieces
    )


def declare_table(parts: Mapping[str, str]) -> dict[str, bytes]:
    """Return constant parts with the table in content types and relationships, as bytes."""
    return {name: (DECLARATION + _declared(name, part)).encode() for name, part in parts.items()}


def _declared(name: str, part: str) -> str:
    if name == _CONTENT_TYPES:
        return part.replace(_TYPES_END, _CONTENT_TYPE + _TYPES_END)
    if name == _RELATIONSHIPS:
        return part.replace(_RELATIONSHIPS_END, _RELATIONSHIP + _RELATIONSHIPS_END)
    return part


class SharedStringTable(dict[str, str]):
    """The XML of a cell by its text, in one style; a new text is added to the table.

    `constant` are the indexes of the texts that each workbook starts with, by their XML; new ones
    are counted from `first_free`.
    """

    def __init__(
        self, styles: StyleIndexes, style: CellStyle, constant: Mapping[str, int], first_free: int
    ) -> None:
        super().__init__()
        self._styles = styles
        self._style = style
        self._constant = constant
        self._first_free = first_free
        self._added: list[str] = []

    def __missing__(self, text: str) -> str:
        style = self._styles.of(self._style, text)
        cell = text_cell(style, self.index(text)) if text else empty_cell(style)
        self[text] = cell
        return cell

    def index(self, text: str) -> int:
        xml = xml_text(text)
        if xml in self._constant:
            return self._constant[xml]
        self._added.append(xml)
        return self._first_free + len(self._added) - 1

    def added_items(self) -> str:
        return "".join(map(string_item, self._added))
