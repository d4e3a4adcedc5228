"""The overview of one school as an openpyxl workbook: the model of the template."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Final
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles.cell_style import StyleArray
from openpyxl.xml.functions import tostring

from services.worker.documents.overview_guide import fill_guide
from services.worker.documents.overview_sheets import (
    fill_counts,
    fill_students,
    fit_on_one_page,
    school_line,
    set_up_page,
)
from services.worker.xlsx.sheet_writer import CellStyle, SheetWriter
from services.worker.xlsx.text import sheet_names, single_line
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Texts

OVERVIEW_TEMPLATE_VERSION: Final = f"overview-2.{DUTCH.version}"
"""Raise the number with any change in how a workbook looks: it marks older ones as stale."""

_CONTENT_TYPES = "[Content_Types].xml"
_PROPERTIES = "docProps/core.xml"


def template_version(texts: Texts) -> str:
    """Return the version that is in workbooks with these texts."""
    return OVERVIEW_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)


def model_workbook(
    content: OverviewContent, texts: Texts, styles: dict[CellStyle, StyleArray]
) -> Workbook:
    """Return the sheets of one school: students per target group, counts, reading guide.

    Adds the styles in use to `styles`.
    """
    words = texts.overview
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    # Nothing is calculated, so a workbook that was only read has no changes to save.
    workbook.calculation.fullCalcOnLoad = False
    groups = content.target_groups
    names = sheet_names([*(group.name for group in groups), words.counts_sheet, words.guide_sheet])
    writers = [SheetWriter(workbook.create_sheet(name), styles) for name in names]
    for number, (writer, group) in enumerate(zip(writers, groups, strict=False), start=1):
        fill_students(writer, f"Leerlingen{number}", group, texts)
    fill_counts(writers[-2], content, texts)
    fill_guide(writers[-1], content, texts, template_version(texts))
    for writer in writers:
        set_up_page(writer.sheet, content, texts)
    fit_on_one_page(writers[-1].sheet)
    return workbook


def _properties(content: OverviewContent, texts: Texts) -> bytes:
    """Return the properties of school and administration, without a student and without a clock."""
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
    return tostring(properties.to_tree())  # type: ignore[return-value]  # bytes, unlike in the stub


def model_parts(workbook: Workbook, content: OverviewContent, texts: Texts) -> dict[str, bytes]:
    """Return the parts by name, without the two timestamps that openpyxl adds to a package."""
    package = BytesIO()
    workbook.save(package)
    with ZipFile(package) as source:
        names = sorted(source.namelist(), key=lambda name: (name != _CONTENT_TYPES, name))
        parts = {name: _with_ignored_errors(source.read(name)) for name in names}
    return parts | {_PROPERTIES: _properties(content, texts)}


def _with_ignored_errors(part: bytes) -> bytes:
    """Tell Excel not to flag numbers stored as text, which openpyxl has no option for.

    A stamnummer is text on purpose. The element precedes the table parts of a sheet, and text
    contains no bare `<`.
    """
    ignored = (
        b'<ignoredErrors><ignoredError sqref="A1:Z9999" numberStoredAsText="1"/></ignoredErrors>'
    )
    return part.replace(b"<tableParts", ignored + b"<tableParts", 1)
