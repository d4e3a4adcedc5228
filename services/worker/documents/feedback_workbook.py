"""The workbook of school feedback: the figures of one opening as numbers, with native charts."""

from collections.abc import Iterator, Sequence
from typing import Final

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.feedback_charts import add_charts
from services.worker.documents.feedback_figures import mean_text
from services.worker.documents.overview_layout import LINE_HEIGHT, line_count
from services.worker.documents.overview_styles import HEADER, LEAD, NUMBER, PLAIN, PROSE, TITLE
from services.worker.xlsx.chart_workbook import set_value, to_bytes
from services.worker.xlsx.sheet import CellStyle
from services.worker.xlsx.text import sheet_names, single_line
from services.worker.xlsx.workbook import Properties
from shared.documents.fiche_texts import Advice
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.documents.school_feedback.sentences import (
    component_sentence,
    mean_sentence,
    not_tested_sentence,
    percentage,
    reading_of_levels,
    reference_sentences,
)
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.documents.texts import DUTCH
from shared.school_feedback.figures import ComponentFigures, FigureRow, SchoolFeedback

FEEDBACK_WORKBOOK_VERSION: Final = (
    f"feedback-workbook-1.{DUTCH_SCHOOL_FEEDBACK.version}.{DUTCH.version}"
)
"""Raise the first number with any change in how a workbook looks: it marks older ones as stale."""

_TEXTS = DUTCH_SCHOOL_FEEDBACK
_NAME_WIDTH, _NUMBER_WIDTH, _PROSE_WIDTH = 34.0, 22.0, 90.0
"""Characters."""
_SPACE_BELOW = 3.0
"""Points."""
_A4 = "9"
_SHARE_FORMAT = "0%"


def render_feedback_workbook(content: SchoolFeedbackContent) -> bytes:
    """Return the workbook: a guide, and a sheet per component. The same content, the same bytes."""
    workbook = Workbook()
    components = [(group, one) for group in content.target_groups for one in group.components]
    names = sheet_names([_TEXTS.guide_sheet, *(one.name for _, one in components)])
    guide = workbook.worksheets[0]
    guide.title = names[0]
    _add_guide(guide, content)
    for name, (group, one) in zip(names[1:], components, strict=True):
        _add_component(workbook.create_sheet(name), group, one)
    properties = Properties(
        title=single_line(f"{_TEXTS.title} {content.administration.name}"),
        subject=single_line(f"{content.school.name} ({content.school.id})"),
        creator="toetsfeedback",
        version=FEEDBACK_WORKBOOK_VERSION,
        language=DUTCH.language,
        day=content.administration.tested_until_on,
    )
    return to_bytes(workbook, properties)


def _add_guide(sheet: Worksheet, content: SchoolFeedbackContent) -> None:
    administration, school, labels = content.administration, content.school, DUTCH.overview.facts
    tested = DUTCH.period_of(administration.tested_from_on, administration.tested_until_on)
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    sheet.column_dimensions["A"].width = _NAME_WIDTH
    sheet.column_dimensions["B"].width = _PROSE_WIDTH
    _fit_on_pages(sheet)
    _write(sheet, 1, [(f"{_TEXTS.title} {administration.name}", TITLE)])
    reading = _TEXTS.reading
    lines = (
        Advice(labels["school"], place),
        Advice(labels["school_id"], school.id),
        Advice(labels["school_year"], administration.school_year),
        Advice(labels["tested"], tested),
        Advice(labels["version"], FEEDBACK_WORKBOOK_VERSION),
        _TEXTS.third_parties,
        Advice(_TEXTS.level, reading_of_levels(next(content.components()), _TEXTS)),
        Advice(_TEXTS.attainment, reading.attainment),
        Advice(_TEXTS.class_group, reading.class_groups),
        Advice(_TEXTS.hidden, reading.hidden),
        Advice("", reading.questions),
    )
    for number, line in enumerate(lines, start=3):
        _write(sheet, number, [(line.lead, LEAD), (line.text, PROSE)])
        height = line_count(line.text, _PROSE_WIDTH) * LINE_HEIGHT
        sheet.row_dimensions[number].height = height + _SPACE_BELOW


def _add_component(sheet: Worksheet, group: SchoolFeedback, figures: ComponentFigures) -> None:
    """Add sentences, the tables of counts, shares and goals, and the charts next to them."""
    columns = 1 + max(len(figures.levels), 1 + len(figures.references))
    sheet.column_dimensions["A"].width = _NAME_WIDTH
    for column in range(2, columns + 1):
        sheet.column_dimensions[get_column_letter(column)].width = _NUMBER_WIDTH
    _fit_on_pages(sheet)
    calibration = f" ({_TEXTS.calibration.lower()})" if figures.is_calibration else ""
    _write(sheet, 1, [(f"{figures.name}{calibration}", TITLE)])
    subject = f"{group.target_group_name}, {DUTCH.subject(figures.subject)}"
    row = 2
    for sentence in (subject, *_sentences(figures)):
        _write(sheet, row, [(sentence, PROSE)])
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=columns)
        width = _NAME_WIDTH + (columns - 1) * _NUMBER_WIDTH
        sheet.row_dimensions[row].height = line_count(sentence, width) * LINE_HEIGHT
        row += 1
    if figures.school_row.is_hidden:
        return
    counts = _add_table(sheet, row + 1, _count_rows(figures))
    shares = _add_table(sheet, counts.stop + 1, _share_rows(figures))
    goals = _add_table(sheet, shares.stop + 1, _goal_rows(figures))
    _add_table(sheet, goals.stop + 1, _mean_rows(figures))
    add_charts(sheet, figures, counts, shares, columns + 2)


def _sentences(figures: ComponentFigures) -> Iterator[str]:
    """Yield what the figures say, how to read them, and where they are from."""
    yield component_sentence(figures, _TEXTS)
    if not figures.school_row.is_hidden:
        yield reading_of_levels(figures, _TEXTS)
        sentences = mean_sentence(figures, _TEXTS), not_tested_sentence(figures, _TEXTS)
        yield from filter(None, sentences)
        yield from reference_sentences(figures, _TEXTS)
    yield _TEXTS.figures_version.format(version=figures.version)


def _fit_on_pages(sheet: Worksheet) -> None:
    """Print on A4 landscape, as wide as a page."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", _A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _count_rows(figures: ComponentFigures) -> list[list[str | int | float]]:
    header = [_TEXTS.count, *(level.label for level in figures.levels)]
    rows: list[list[str | int | float]] = [[*header]]
    rows.append([_TEXTS.school.text, *_counts(figures, figures.school_row)])
    for row in figures.class_rows:
        name = ", ".join(filter(None, (row.name, row.site_name)))
        rows.append([name, *_counts(figures, row)])
    return rows


def _counts(figures: ComponentFigures, row: FigureRow) -> list[str | int]:
    if row.counts is None:
        return [_TEXTS.hidden] * len(figures.levels)
    return [*row.counts]


def _share_rows(figures: ComponentFigures) -> list[list[str | int | float]]:
    """Return the shares per level; those of a school with few students are left out."""
    rows: list[list[str | int | float]] = []
    row = figures.school_row
    if row.percentages is not None:
        rows.append([_TEXTS.school.text, *(percent / 100 for percent in row.percentages)])
    rows += [
        [_TEXTS.references[one.name].text, *one.shares]
        for one in figures.references
        if one.shares is not None
    ]
    header = [_TEXTS.share, *(level.label for level in figures.levels)]
    return [[*header], *rows] if rows else []


def _goal_rows(figures: ComponentFigures) -> list[list[str | int | float]]:
    row = figures.school_row
    references = figures.references
    rows: list[list[str | int | float]] = []
    for name, count, shares in (
        (
            _TEXTS.basic_literacy,
            figures.basic_literacy(row),
            [one.basic_literacy for one in references],
        ),
        (
            _TEXTS.final_objectives,
            figures.final_objectives(row),
            [one.final_objectives for one in references],
        ),
    ):
        if count is not None:
            shown = ["\N{EN DASH}" if one is None else percentage(one) for one in shares]
            rows.append([name, _TEXTS.of.format(count=count, students=row.students), *shown])
    return [_goal_header(_TEXTS.attainment, figures), *rows] if rows else []


def _mean_rows(figures: ComponentFigures) -> list[list[str | int | float]]:
    if figures.mean is None:
        return []
    means = [figures.mean, *(one.mean for one in figures.references)]
    return [
        _goal_header(_TEXTS.mean, figures),
        [_TEXTS.mean, *map(mean_text, means)],
    ]


def _goal_header(first: str, figures: ComponentFigures) -> list[str | int | float]:
    names = [_TEXTS.references[one.name].text for one in figures.references]
    return [first, _TEXTS.school.text, *names]


def _add_table(sheet: Worksheet, first: int, rows: Sequence[Sequence[str | int | float]]) -> range:
    """Add rows below a header; return their numbers, with that of the header."""
    for number, values in enumerate(rows, start=first):
        others = HEADER if number == first else NUMBER
        names = HEADER if number == first else PLAIN
        _write(sheet, number, [(values[0], names), *((value, others) for value in values[1:])])
        for column, value in enumerate(values, start=1):
            if isinstance(value, float):
                sheet.cell(number, column).number_format = _SHARE_FORMAT
    return range(first, first + len(rows))


def _write(
    sheet: Worksheet, row: int, cells: Sequence[tuple[str | float, CellStyle | None]]
) -> None:
    for column, (value, style) in enumerate(cells, start=1):
        cell = set_value(sheet, row, column, value)
        if style is not None:
            cell.font, cell.fill = style.font, style.fill
            cell.alignment, cell.border = style.alignment, style.border
