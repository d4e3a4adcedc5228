"""A workbook: a ZIP of parts (ECMA-376 part 2), without a clock or a macro."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from io import BytesIO
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl.writer.theme import theme_xml

from services.worker.xlsx.cell_xml import CellXml
from services.worker.xlsx.sheet import CellStyle, Sheet
from services.worker.xlsx.sheet_xml import (
    DECLARATION,
    MAIN,
    RELATIONSHIPS,
    sheet_xml,
    table_xml,
)
from services.worker.xlsx.style_sheet import style_sheet

_MAX_CONSTANT_PARTS: Final = 64  # of about 6 KB
_LEVEL: Final = 1
"""Level 6 makes a workbook 10 % smaller and takes half as much time again."""
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_READ_AND_WRITE: Final = 0o600 << 16
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PACKAGE_TARGETS: Final = (
    (f"{_OFFICE}/officeDocument", "xl/workbook.xml"),
    (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
)
_WORKBOOK_TARGETS: Final = (
    (f"{_OFFICE}/theme", "theme/theme1.xml"),
    (f"{_OFFICE}/styles", "styles.xml"),
    (f"{_OFFICE}/sharedStrings", "sharedStrings.xml"),
)
_CONTENT_TYPES: Final = (
    ("docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
    ("xl/workbook.xml", f"{_SPREADSHEET}.sheet.main+xml"),
    ("xl/theme/theme1.xml", "application/vnd.openxmlformats-officedocument.theme+xml"),
    ("xl/styles.xml", f"{_SPREADSHEET}.styles+xml"),
    ("xl/sharedStrings.xml", f"{_SPREADSHEET}.sharedStrings+xml"),
)


@dataclass(frozen=True, slots=True)
class Properties:
    """The core properties of a package; `day` is when its content is from."""

    title: str
    subject: str
    creator: str
    version: str
    language: str
    day: date


def write_workbook(
    sheets: Sequence[Sheet], styles: tuple[CellStyle, ...], properties: Properties
) -> bytes:
    """Return the file; `styles` are all that a cell may have, in an order that does not vary."""
    outlines = tuple(Outline(sheet.title, bool(sheet.table)) for sheet in sheets)
    constant = _constant_parts(outlines, styles)
    target = BytesIO()
    target.write(constant.data)
    cells = CellXml(constant.indexes)
    with ZipFile(target, "w") as package:
        package.infolist().extend(constant.members)
        _add(package, "docProps/core.xml", _core_properties(properties))
        for number, sheet in enumerate(sheets, start=1):
            _add(package, f"xl/worksheets/sheet{number}.xml", sheet_xml(sheet, cells))
            if sheet.table:
                _add(package, f"xl/tables/table{number}.xml", table_xml(sheet, number))
        strings = f"{DECLARATION}<sst {MAIN}>{cells.shared_string_items()}</sst>"
        _add(package, "xl/sharedStrings.xml", strings)
    return target.getvalue()


class Outline(NamedTuple):
    """The properties of a sheet that the constant parts have."""

    title: str
    has_table: bool


class _ConstantParts(NamedTuple):
    """The start of a package, without its directory, and the indexes of the styles."""

    data: bytes
    members: tuple[ZipInfo, ...]
    indexes: Mapping[tuple[CellStyle, bool], int]


@lru_cache(_MAX_CONSTANT_PARTS)
def _constant_parts(outlines: tuple[Outline, ...], styles: tuple[CellStyle, ...]) -> _ConstantParts:
    """Return the parts that many workbooks share."""
    xml, indexes = style_sheet(styles)
    target = BytesIO()
    with ZipFile(target, "w") as package:
        _add(package, "[Content_Types].xml", _content_types(outlines))
        _add(package, "_rels/.rels", _relationships(_PACKAGE_TARGETS))
        _add(package, "xl/workbook.xml", _workbook(outlines))
        sheets = [
            (f"{_OFFICE}/worksheet", f"worksheets/sheet{number}.xml")
            for number, _ in enumerate(outlines, start=1)
        ]
        targets = [*sheets, *_WORKBOOK_TARGETS]
        _add(package, "xl/_rels/workbook.xml.rels", _relationships(targets))
        for number, outline in enumerate(outlines, start=1):
            if outline.has_table:
                table = _relationships([(f"{_OFFICE}/table", f"../tables/table{number}.xml")])
                _add(package, f"xl/worksheets/_rels/sheet{number}.xml.rels", table)
        _add(package, "xl/theme/theme1.xml", theme_xml)
        _add(package, "xl/styles.xml", DECLARATION + xml)
        members, size = tuple(package.infolist()), package.start_dir
    return _ConstantParts(target.getvalue()[:size], members, indexes)


def _add(package: ZipFile, name: str, part: str) -> None:
    info = ZipInfo(name, _ZIP_EPOCH)
    info.create_system, info.external_attr = _UNIX, _READ_AND_WRITE
    package.writestr(info, part, ZIP_DEFLATED, _LEVEL)


def _relationships(targets: Iterable[tuple[str, str]]) -> str:
    """Return a relationships part; a target is relative to the part that refers to it."""
    items = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _content_types(outlines: Sequence[Outline]) -> str:
    types = list(_CONTENT_TYPES)
    for number, outline in enumerate(outlines, start=1):
        types.append((f"xl/worksheets/sheet{number}.xml", f"{_SPREADSHEET}.worksheet+xml"))
        if outline.has_table:
            types.append((f"xl/tables/table{number}.xml", f"{_SPREADSHEET}.table+xml"))
    items = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in types)
    return (
        f'{DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{items}</Types>'
    )


def _workbook(outlines: Sequence[Outline]) -> str:
    """Return the list of sheets; the header of a table is printed on every page."""
    sheets, print_titles = "", ""
    for index, outline in enumerate(outlines):
        name = quoteattr(outline.title)
        sheets += f'<sheet name={name} sheetId="{index + 1}" r:id="rId{index + 1}"/>'
        if outline.has_table:
            quoted = escape(outline.title.replace("'", "''"))
            print_titles += (
                f'<definedName name="_xlnm.Print_Titles" localSheetId="{index}">'
                f"'{quoted}'!$1:$1</definedName>"
            )
    return (
        f"{DECLARATION}<workbook {MAIN} {RELATIONSHIPS}><bookViews><workbookView/></bookViews>"
        f"<sheets>{sheets}</sheets><definedNames>{print_titles}</definedNames>"
        # Nothing is calculated, so a workbook that was only read has no changes to save.
        '<calcPr calcId="124519" fullCalcOnLoad="0"/></workbook>'
    )


def _core_properties(properties: Properties) -> str:
    instant = f'xsi:type="dcterms:W3CDTF">{properties.day.isoformat()}T00:00:00Z'
    return (
        f'{DECLARATION}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(properties.title)}</dc:title>"
        f"<dc:subject>{escape(properties.subject)}</dc:subject>"
        f"<dc:creator>{escape(properties.creator)}</dc:creator>"
        f"<dcterms:created {instant}</dcterms:created>"
        f"<dcterms:modified {instant}</dcterms:modified>"
        f"<dc:language>{escape(properties.language)}</dc:language>"
        f"<cp:version>{escape(properties.version)}</cp:version></cp:coreProperties>"
    )
