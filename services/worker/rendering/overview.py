"""Draws the class-council overview of one school as a workbook."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles.cell_style import StyleArray
from openpyxl.xml.functions import tostring

from services.worker.rendering.overview_sheets import (
    fill_counts,
    fill_guide,
    fill_students,
    set_up_printing,
)
from services.worker.rendering.workbook_cells import Grid, Look, sheet_names, single_line
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Texts

OVERVIEW_TEMPLATE_VERSION: Final = f"overview-1.{DUTCH.version}"
"""Raise the number with any change in what a workbook looks like: it marks older ones as stale."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_CONTENT_TYPES = "[Content_Types].xml"
_PROPERTIES = "docProps/core.xml"


def draw_overview(content: OverviewContent, texts: Texts = DUTCH) -> bytes:
    """The XLSX of one school; the same content and texts give the same bytes on any machine.

    (Parts are deflated: the same bytes suppose the same zlib and the same XML writer.)
    """
    version = OVERVIEW_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)
    words = texts.overview
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    groups = content.target_groups
    names = sheet_names([*(group.name for group in groups), words.counts_sheet, words.guide_sheet])
    styles: dict[Look, StyleArray] = {}
    grids = [Grid(workbook.create_sheet(name), styles) for name in names]
    for number, (grid, group) in enumerate(zip(grids, groups, strict=False), start=1):
        fill_students(grid, f"Leerlingen{number}", group, texts)
    fill_counts(grids[-2], content, texts)
    fill_guide(grids[-1], content, texts, version)
    for grid in grids:
        set_up_printing(grid.sheet, content, texts)
    target = BytesIO()
    workbook.save(target)
    return _normalised(target, _properties(content, texts, version))


def _properties(content: OverviewContent, texts: Texts, version: str) -> bytes:
    """Whose school and which round; nothing about a pupil, and no clock."""
    tested = content.administration.tested_until_on
    day = datetime(tested.year, tested.month, tested.day, tzinfo=UTC).replace(tzinfo=None)
    properties = DocumentProperties(
        title=single_line(f"{texts.overview.title} {content.administration.name}"),
        subject=single_line(f"{content.school.name} ({content.school.id})"),
        creator="toetsfeedback",
        version=version,
        language=texts.language,
        created=day,
        modified=day,
    )
    return tostring(properties.to_tree())  # type: ignore[return-value]  # bytes; the stub says str


def _normalised(package: BytesIO, properties: bytes) -> bytes:
    """The same package without clocks: openpyxl stamps the hour into it in two places."""
    target = BytesIO()
    with ZipFile(package) as source, ZipFile(target, "w", ZIP_DEFLATED) as normal:
        for name in sorted(source.namelist(), key=lambda name: (name != _CONTENT_TYPES, name)):
            info = ZipInfo(name, _ZIP_EPOCH)
            info.compress_type = ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = 0o600 << 16
            data = properties if name == _PROPERTIES else source.read(name)
            normal.writestr(info, _without_warnings(data))
    return target.getvalue()


def _without_warnings(part: bytes) -> bytes:
    """A stamnummer is text on purpose; openpyxl has no way to tell Excel not to flag it.

    The element has its fixed place before the table of a sheet, and text holds no bare `<`.
    """
    ignored = (
        b'<ignoredErrors><ignoredError sqref="A1:Z9999" numberStoredAsText="1"/></ignoredErrors>'
    )
    return part.replace(b"<tableParts", ignored + b"<tableParts", 1)
