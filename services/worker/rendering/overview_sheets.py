"""The sheets of the class-council workbook: students per target group, counts, reading guide."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.rendering.workbook_cells import (
    HEADER,
    HEADING,
    LEAD,
    NUMBER,
    NUMBER_HEADER,
    PLAIN,
    PROSE,
    STATUS,
    TITLE,
    Grid,
    Look,
    level_look,
    single_line,
    unique,
)
from shared.documents.content import (
    NOT_ASSIGNED,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewTargetGroup,
    SchoolFacts,
)
from shared.documents.texts import Advice, Texts

_A4 = 9
_LONGEST_HEADING = 60
_MARGIN = 0.5  # inches
_LINE_HEIGHT = 15.0  # points
_GUIDE_WIDTHS = (30.0, 68.0)  # characters; together the width of an upright page
_COUNTS_TABLE = "Aantallen"

Value = tuple[str | int | None, Look]


def set_up_printing(sheet: Worksheet, content: OverviewContent, texts: Texts) -> None:
    """A4 landscape, as wide as the page, with what it is above and the page number below."""
    words = texts.overview
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    margins = sheet.page_margins
    margins.left = margins.right = _MARGIN
    margins.top = margins.bottom = 2 * _MARGIN - 0.2
    title = f"{words.title} {content.administration.name}"
    _set_edges(sheet.oddHeader, print_text(title), print_text(school_line(content)))
    _set_edges(
        sheet.oddFooter, print_text(words.confidential), f"{words.page} &P {words.of_pages} &N"
    )


def fit_on_one_page(sheet: Worksheet) -> None:
    """Upright, where the guide of one target group keeps its size and that of five shrinks a bit.

    Flowing on, it would leave a heading or two lines behind on a page of their own.
    """
    sheet.page_setup.orientation = "portrait"
    sheet.page_setup.fitToHeight = 1


def _set_edges(band: HeaderFooterItem | None, left: str, right: str) -> None:
    if band is not None:
        band.left.text, band.right.text = left, right


def school_line(content: OverviewContent) -> str:
    return f"{content.school.name} ({content.school.id})"


def print_text(text: str) -> str:
    """Excel reads `&` in a page header as the start of a code, and holds 255 characters of it."""
    return single_line(text)[:_LONGEST_HEADING].replace("&", "&&")


def fill_students(grid: Grid, name: str, group: OverviewTargetGroup, texts: Texts) -> None:
    """One row per student, one column per component: level or status in words."""
    has_stamnummer = shows_stamnummer(group)
    headers, own_columns = student_headers(group, texts)
    looks = [level_looks(column) for column in group.columns]
    rows = []
    for row in group.rows:
        person = [row.class_group, row.family_name, row.given_name]
        person += [row.stamnummer or ""] if has_stamnummer else []
        values: list[Value] = [(text, PLAIN) for text in person]
        values += [_outcome(cell, look, texts) for cell, look in zip(row.cells, looks, strict=True)]
        rows.append(values)
    _write_table(grid, name, [(header, HEADER) for header in headers], rows)
    grid.sheet.freeze_panes = "D2"
    _set_widths(grid.sheet, headers, rows, own_columns)


def shows_stamnummer(group: OverviewTargetGroup) -> bool:
    return any(row.stamnummer for row in group.rows)


def student_headers(group: OverviewTargetGroup, texts: Texts) -> tuple[list[str], int]:
    """The headers of a sheet of students, and how many of them are the student's own facts."""
    words = texts.overview
    own = [words.class_group, words.family_name, words.given_name]
    own += [words.stamnummer] if shows_stamnummer(group) else []
    return [*own, *_column_headers(group.columns, texts)], len(own)


def _column_headers(columns: Sequence[OverviewColumn], texts: Texts) -> tuple[str, ...]:
    names = Counter(column.name.casefold() for column in columns)
    return tuple(
        column.name
        if names[column.name.casefold()] == 1
        else f"{column.name} ({texts.subject(column.subject)})"
        for column in columns
    )


def level_looks(column: OverviewColumn) -> dict[str, Look]:
    steps = len(column.scale)
    return {level.code: level_look(step, steps) for step, level in enumerate(column.scale)}


def _outcome(cell: OverviewCell | None, looks: dict[str, Look], texts: Texts) -> Value:
    if cell is not None and cell.level is not None:
        return cell.level.label, looks[cell.level.code]
    return texts.statuses[cell.status if cell else NOT_ASSIGNED].name, STATUS


def _write_table(
    grid: Grid, name: str, headers: Sequence[tuple[str, Look]], rows: Sequence[Sequence[Value]]
) -> None:
    """A real table, for filters and for screen readers; it needs a row even without data."""
    told_apart = unique(single_line(header) for header, _ in headers)
    for number, (header, (_, look)) in enumerate(zip(told_apart, headers, strict=True), start=1):
        grid.put(1, number, header, look)
    for row, values in enumerate(rows, start=2):
        for number, (value, look) in enumerate(values, start=1):
            grid.put(row, number, value, look)
    last = f"{get_column_letter(len(headers))}{max(2, len(rows) + 1)}"
    table = Table(displayName=name, ref=f"A1:{last}")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
    grid.sheet.add_table(table)
    grid.sheet.row_dimensions[1].height = 2 * _LINE_HEIGHT + 3
    grid.sheet.print_title_rows = "1:1"


def _set_widths(
    sheet: Worksheet, headers: Sequence[str], rows: Sequence[Sequence[Value]], own_columns: int
) -> None:
    for number, header in enumerate(headers):
        longest = max((len(str(row[number][0])) for row in rows), default=0)
        width = column_width(header, longest, is_own=number < own_columns)
        sheet.column_dimensions[get_column_letter(number + 1)].width = width


def column_width(header: str, longest: int, *, is_own: bool) -> float:
    """Characters: enough for what stands there, within reason; long headers wrap over two lines.

    The header of a row's own facts, which stay in view, does not wrap.
    """
    wanted = max(longest, len(header) + 4 if is_own else len(header) / 2 + 4)
    return min(max(wanted + 2, 9), 36)


def fill_counts(grid: Grid, content: OverviewContent, texts: Texts) -> None:
    """How many students of each class group have which level, per component.

    Small groups are shown too: this goes to the class council, which has every student's level on
    the sheets before this one, so leaving a count out would hide nothing.
    """
    labels = all_labels(content)
    headers, own_columns = counts_headers(labels, texts)
    rows = [row for group in content.target_groups for row in _group_counts(group, labels, texts)]
    looks = [HEADER] * own_columns + [NUMBER_HEADER] * (len(headers) - own_columns)
    _write_table(grid, _COUNTS_TABLE, list(zip(headers, looks, strict=True)), rows)
    grid.sheet.freeze_panes = "E2"
    _set_widths(grid.sheet, headers, rows, own_columns)


def counts_headers(labels: tuple[str, ...], texts: Texts) -> tuple[list[str], int]:
    """The headers of the counts, and how many of them say what is counted."""
    words = texts.overview
    own = [words.class_group, words.target_group, words.subject, words.component]
    return [*own, *labels, words.without_level], len(own)


def all_labels(content: OverviewContent) -> tuple[str, ...]:
    """The level labels of all scales, lowest first; equal labels share a column."""
    steps = {
        (level.ordinal, level.label)
        for group in content.target_groups
        for column in group.columns
        for level in column.scale
    }
    return tuple(dict.fromkeys(label for _, label in sorted(steps)))


def _group_counts(
    group: OverviewTargetGroup, labels: tuple[str, ...], texts: Texts
) -> Iterator[list[Value]]:
    for class_group in dict.fromkeys(row.class_group for row in group.rows):
        members = [row for row in group.rows if row.class_group == class_group]
        for number, column in enumerate(group.columns):
            cells = [row.cells[number] for row in members]
            assigned = [cell for cell in cells if cell and cell.status != NOT_ASSIGNED]
            counts = Counter(cell.level.label if cell.level else None for cell in assigned)
            on_scale = {level.label for level in column.scale}
            names = (class_group, group.name, texts.subject(column.subject), column.name)
            yield [
                *((name, PLAIN) for name in names),
                *((counts[label] if label in on_scale else None, NUMBER) for label in labels),
                (counts[None], NUMBER),
            ]


def fill_guide(grid: Grid, content: OverviewContent, texts: Texts, version: str) -> None:
    """What this is, on which conditions it may be used, and how to read it."""
    words = texts.overview
    for letter, width in zip("AB", _GUIDE_WIDTHS, strict=True):
        grid.sheet.column_dimensions[letter].width = width
    grid.put(1, 1, f"{words.title} {content.administration.name}", TITLE)
    parts = (
        ("", _facts(content, texts, version)),
        (words.conditions_title, words.conditions),
        (words.reading_title, words.reading),
        (f"{words.scales_title}, {words.scale_from_to}", _scales(content)),
        (words.statuses_title, _statuses(texts)),
    )
    grid.sheet.row_dimensions[1].height = 2 * _LINE_HEIGHT
    row = 2
    for title, advice in parts:
        if title:
            grid.put(row, 1, title, HEADING)
            grid.sheet.row_dimensions[row].height = 2 * _LINE_HEIGHT
            row += 1
        for line in advice:
            _write_advice(grid, row, line)
            row += 1


def _write_advice(grid: Grid, row: int, advice: Advice) -> None:
    """The row's height is set, on the generous side: not every program finds it out by itself."""
    grid.put(row, 1, advice.lead, LEAD)
    grid.put(row, 2, advice.text, PROSE)
    grid.sheet.row_dimensions[row].height = advice_height(advice)


def advice_height(advice: Advice) -> float:
    """Points."""
    lead, text = _GUIDE_WIDTHS
    lines = max(ceil(len(advice.lead) / lead), ceil(len(advice.text) / text), 1)
    return lines * _LINE_HEIGHT + 3


def _facts(content: OverviewContent, texts: Texts, version: str) -> tuple[Advice, ...]:
    administration, school, labels = content.administration, content.school, texts.overview.facts
    tested = texts.period_of(administration.tested_from_on, administration.tested_until_on)
    return (
        Advice(labels["school"], school_place(school)),
        Advice(labels["school_id"], school.id),
        Advice(labels["administration"], administration.name),
        Advice(labels["school_year"], administration.school_year),
        Advice(labels["tested"], tested),
        Advice(labels["version"], version),
    )


def school_place(school: SchoolFacts) -> str:
    return f"{school.name}, {school.municipality}" if school.municipality else school.name


def _scales(content: OverviewContent) -> Iterator[Advice]:
    """Components that share a scale share a line."""
    for group in content.target_groups:
        by_scale: dict[str, list[str]] = {}
        for column in group.columns:
            levels = ", ".join(level.label for level in column.scale)
            by_scale.setdefault(levels, []).append(column.name)
        for levels, names in by_scale.items():
            yield Advice(group.name, f"{', '.join(names)}: {levels}")


def _statuses(texts: Texts) -> Iterator[Advice]:
    for status in texts.statuses.values():
        yield Advice(status.name, status.explanation)
