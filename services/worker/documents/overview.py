"""The overview of one school: a workbook for its class councils."""

from typing import Final

from services.worker.documents.overview_counts import counts_sheet, scales_of
from services.worker.documents.overview_guide import guide_sheet
from services.worker.documents.overview_layout import school_line
from services.worker.documents.overview_levels import level_cells, levels_sheet, suffix_of
from services.worker.documents.overview_students import students_sheet
from services.worker.documents.overview_styles import TEXT_STYLES, count_header
from services.worker.xlsx.sheet import CellStyle, Sheet
from services.worker.xlsx.text import sheet_names, single_line
from services.worker.xlsx.workbook import Properties, write_workbook
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Texts

OVERVIEW_TEMPLATE_VERSION: Final = f"overview-3.{DUTCH.version}"
"""Raise the number with any change in how a workbook looks: it marks older ones as stale."""


def render_overview(content: OverviewContent, texts: Texts = DUTCH) -> bytes:
    """Return the workbook; the same content and texts give the same bytes with the same zlib."""
    return write_workbook(
        overview_sheets(content, texts),
        overview_styles(content, texts),
        overview_properties(content, texts),
    )


def overview_sheets(content: OverviewContent, texts: Texts) -> list[Sheet]:
    """Return students per target group, counts per scale, level descriptions, reading guide."""
    words, groups = texts.overview, content.target_groups
    counted = [(group, scale) for group in groups for scale in scales_of(group)]
    counts_name = f"{words.counts_sheet} {{}}" if len(groups) > 1 else words.counts_sheet
    names = [group.name for group in groups]
    names += [counts_name.format(group.name) for group, _ in counted]
    titles = iter(sheet_names([*names, words.levels_sheet, words.guide_sheet]))
    sheets = [
        students_sheet(next(titles), f"Leerlingen{number}", group, content, texts)
        for number, group in enumerate(groups, start=1)
    ]
    sheets += [
        counts_sheet(next(titles), f"Aantallen{number}", group, scale, (content, texts))
        for number, (group, scale) in enumerate(counted, start=1)
    ]
    sheets.append(levels_sheet(next(titles), content, texts))
    return [*sheets, guide_sheet(next(titles), content, texts, template_version(texts))]


def overview_styles(content: OverviewContent, texts: Texts) -> tuple[CellStyle, ...]:
    """Return the styles of every outcome that is possible, whether a student has it or not."""
    scales = dict.fromkeys(
        column.scale for group in content.target_groups for column in group.columns
    )
    levels = (
        cell.style for scale in scales for cell in level_cells(scale, texts.overview).values()
    )
    headers = (
        count_header(suffix_of(level, texts.overview)) for scale in scales for level in scale
    )
    return tuple(dict.fromkeys((*TEXT_STYLES, count_header(""), *headers, *levels)))


def overview_properties(content: OverviewContent, texts: Texts) -> Properties:
    """Return the properties of school and administration, without a student and without a clock."""
    return Properties(
        title=single_line(f"{texts.overview.title} {content.administration.name}"),
        subject=single_line(school_line(content)),
        creator="toetsfeedback",
        version=template_version(texts),
        language=texts.language,
        day=content.administration.tested_until_on,
    )


def template_version(texts: Texts) -> str:
    """Return the version that is in workbooks with these texts."""
    return OVERVIEW_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)
