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
    fit_on_one_page,
    school_line,
    set_up_printing,
)
from services.worker.rendering.workbook_cells import Grid, Look, sheet_names, single_line
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Texts

OVERVIEW_TEMPLATE_VERSION: Final = f"overview-2.{DUTCH.version}"
"""Raise the number with any change in what a workbook looks like: it marks older ones as stale."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_CONTENT_TYPES = "[Content_Types].xml"
_PROPERTIES = "docProps/core.xml"


def draw_overview(content: OverviewContent, texts: Texts = DUTCH) -> bytes:
    """The XLSX of one school as openpyxl writes it: the pattern for services.worker.stamping.

    The same content and texts give the same bytes. (Parts are deflated: the same bytes suppose the
    same zlib and the same XML writer.)
    """
    parts = package_parts(overview_workbook(content, texts, {}), content, texts)
    target = BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED) as package:
        for name, part in parts.items():
            info = ZipInfo(name, _ZIP_EPOCH)
            info.compress_type = ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = 0o600 << 16
            package.writestr(info, part)
    return target.getvalue()


def template_version(texts: Texts) -> str:
    """The version of workbooks made with these texts, as it stands in them."""
    return OVERVIEW_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)


def overview_workbook(
    content: OverviewContent, texts: Texts, styles: dict[Look, StyleArray]
) -> Workbook:
    """The sheets of one school: students per target group, counts, reading guide.

    `styles` takes up the looks that were used.
    """
    words = texts.overview
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    # Nothing is calculated, so nothing needs saving again after it was only read.
    workbook.calculation.fullCalcOnLoad = False
    groups = content.target_groups
    names = sheet_names([*(group.name for group in groups), words.counts_sheet, words.guide_sheet])
    grids = [Grid(workbook.create_sheet(name), styles) for name in names]
    for number, (grid, group) in enumerate(zip(grids, groups, strict=False), start=1):
        fill_students(grid, f"Leerlingen{number}", group, texts)
    fill_counts(grids[-2], content, texts)
    fill_guide(grids[-1], content, texts, template_version(texts))
    for grid in grids:
        set_up_printing(grid.sheet, content, texts)
    fit_on_one_page(grids[-1].sheet)
    return workbook


def _properties(content: OverviewContent, texts: Texts) -> bytes:
    """Whose school and which round; nothing about a pupil, and no clock."""
    tested = content.administration.tested_until_on
    day = datetime(tested.year, tested.month, tested.day, tzinfo=UTC).replace(tzinfo=None)
    properties = DocumentProperties(
        title=single_line(f"{texts.overview.title} {content.administration.name}"),
        subject=single_line(school_line(content)),
        creator="toetsfeedback",
        version=template_version(texts),
        language=texts.language,
        created=day,
        modified=day,
    )
    return tostring(properties.to_tree())  # type: ignore[return-value]  # bytes; the stub says str


def package_parts(workbook: Workbook, content: OverviewContent, texts: Texts) -> dict[str, bytes]:
    """The parts by name, without clocks: openpyxl stamps the hour into a package in two places."""
    package = BytesIO()
    workbook.save(package)
    with ZipFile(package) as source:
        names = sorted(source.namelist(), key=lambda name: (name != _CONTENT_TYPES, name))
        parts = {name: _without_warnings(source.read(name)) for name in names}
    return parts | {_PROPERTIES: _properties(content, texts)}


def _without_warnings(part: bytes) -> bytes:
    """A stamnummer is text on purpose; openpyxl has no way to tell Excel not to flag it.

    The element has its fixed place before the table of a sheet, and text holds no bare `<`.
    """
    ignored = (
        b'<ignoredErrors><ignoredError sqref="A1:Z9999" numberStoredAsText="1"/></ignoredErrors>'
    )
    return part.replace(b"<tableParts", ignored + b"<tableParts", 1)
