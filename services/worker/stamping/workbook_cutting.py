"""Cuts the parts of a drawn workbook at the holes, and moves their texts to the shared strings."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from services.worker.rendering.workbook_cells import workbook_text

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
STRINGS_HEAD: Final = (
    f'{DECLARATION}<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
)
STRINGS_END: Final = "</sst>"

_OFFICE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TYPES_END, _RELATIONS_END = "</Types>", "</Relationships>"
_STRINGS_TYPE: Final = (
    f'<Override ContentType="{_OFFICE}.sharedStrings+xml" PartName="/xl/sharedStrings.xml"/>'
)
_STRINGS_RELATION: Final = (
    '<Relationship Id="rIdStrings" Target="sharedStrings.xml" Type="http://schemas.openxmlformats'
    '.org/officeDocument/2006/relationships/sharedStrings"/>'
)
# Of elements and attributes that are not in their part's own namespace; values refer to these, too.
_PREFIXES: Final = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://www.w3.org/XML/1998/namespace": "xml",
}
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_INLINE: Final = re.compile(r't="inlineStr"><is><t(?: xml:space="preserve")?>([^<]*)</t></is>')
_RANGE: Final = re.compile(r'(?<=ref=")A1:[A-Z]+\d+(?=")')
_NOT_PLAIN: Final = re.compile("[\x00-\x08\x0b-\x1f&<>_\ufffe\uffff]")
_ROW: Final = re.compile(r"<row .*?</row>", re.DOTALL)
_SCHOOL_FACTS: Final = slice(1, 3)  # rows of the guide, the title being 0


def plain_xml(part: bytes) -> str:
    """The same XML whoever wrote it: attributes in order, prefixes of ours, no declaration.

    ElementTree would take prefixes from a list that every library in the process may change.
    """
    root = ET.fromstring(part)  # noqa: S314  # openpyxl just wrote it
    own = root.tag.partition("}")[0].removeprefix("{")
    used: set[str] = set()

    def plain(name: str) -> str:
        namespace, _, local = name.removeprefix("{").rpartition("}")
        if not namespace or namespace == own:
            return local
        used.add(namespace)
        return f"{_PREFIXES[namespace]}:{local}"

    for element in root.iter():
        element.tag = plain(element.tag)
        if _TYPE in element.attrib:  # a name as a value: of a date, and from where the date is
            local = element.attrib[_TYPE].rpartition(":")[2]
            element.attrib[_TYPE] = f"{element.tag.partition(':')[0]}:{local}"
        element.attrib = {plain(name): element.attrib[name] for name in sorted(element.attrib)}
    declared = {"xmlns": own} | {f"xmlns:{_PREFIXES[one]}": one for one in sorted(used)}
    root.attrib = declared | root.attrib
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def cut_table_sheet(part: str, school: str) -> tuple[str, ...]:
    """Around range, widths, rows below the header, and the school in the page header."""
    before_range, rest = _around(DECLARATION + part, '<dimension ref="', '"')
    before_widths, rest = _around(rest, "<cols>", "</cols>")
    before_rows, rest = _around(rest, "</row>", "</sheetData>")
    before_school, after_school = _halves(rest, school)
    return before_range, before_widths, before_rows, before_school, after_school


def cut_guide(part: str, school: str) -> tuple[str, ...]:
    """Around the two rows with the school's facts, and the school in the page header."""
    before_facts, rest = _halves(part, "".join(_ROW.findall(part)[_SCHOOL_FACTS]))
    before_school, after_school = _halves(rest, school)
    return DECLARATION + before_facts, before_school, after_school


def cut_properties(part: str, school: str) -> tuple[str, ...]:
    before_school, after_school = _halves(part, school)
    return DECLARATION + before_school, after_school


def _around(part: str, before: str, after: str) -> tuple[str, str]:
    """The piece up to and with `before`, and what follows from the next `after` on."""
    head, rest = _halves(part, before)
    _, tail = _halves(rest, after)
    return head + before, after + tail


def _halves(part: str, hole: str) -> tuple[str, str]:
    head, found, tail = part.partition(hole)
    if not found:
        raise ValueError(f"a drawn part lacks {hole!r}: cut it where openpyxl now puts that")
    return head, tail


def cut_table(part: str) -> tuple[str, ...]:
    """Around the range of the table and that of its filter."""
    return tuple(_RANGE.split(DECLARATION + part))


def inline_texts(part: str) -> list[str]:
    """The texts of its cells, as they are written in XML."""
    return _INLINE.findall(part)


def with_shared_strings(pieces: Sequence[str], numbers: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        _INLINE.sub(lambda found: f't="s"><v>{numbers[found[1]]}</v>', piece) for piece in pieces
    )


def xml_text(text: str) -> str:
    return escape(workbook_text(text)) if _NOT_PLAIN.search(text) else text


def shared_string(written: str) -> str:
    """An entry of the shared strings, of a text as it is written in XML."""
    if written == written.strip():
        return f"<si><t>{written}</t></si>"
    return f'<si><t xml:space="preserve">{written}</t></si>'


def constant_parts(parts: Mapping[str, str]) -> dict[str, bytes]:
    """As bytes, with the shared strings announced; the content types stay first."""
    written = {
        name: part.replace(_TYPES_END, _STRINGS_TYPE + _TYPES_END).replace(
            _RELATIONS_END, _STRINGS_RELATION + _RELATIONS_END
        )
        if name in {"[Content_Types].xml", "xl/_rels/workbook.xml.rels"}
        else part
        for name, part in parts.items()
    }
    return {name: (DECLARATION + part).encode() for name, part in written.items()}
