"""The sheets of an overview with a table: students per target group, and counts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from services.worker.documents.overview_styles import (
    HEADER,
    NUMBER,
    NUMBER_HEADER,
    PLAIN,
    STATUS,
    level_style,
)
from services.worker.xlsx.sheet_writer import CellStyle, SheetWriter
from services.worker.xlsx.text import single_line, unique_names
from shared.documents.content import (
    NOT_ASSIGNED,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewTargetGroup,
)
from shared.documents.texts import Texts

_A4 = 9
_MAX_HEADER_TEXT = 60
_MARGIN = 0.5  # inches
LINE_HEIGHT = 15.0  # points
_COUNTS_TABLE = "Aantallen"


class StyledValue(NamedTuple):
    value: str | int | None
    style: CellStyle


def set_up_page(sheet: Worksheet, content: OverviewContent, texts: Texts) -> None:
    """Set A4 landscape, fitted to the page width, with a title above and page numbers below."""
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
    _set_header_footer(
        sheet.oddHeader, page_header_text(title), page_header_text(school_line(content))
    )
    _set_header_footer(
        sheet.oddFooter,
        page_header_text(words.confidential),
        f"{words.page} &P {words.of_pages} &N",
    )


def fit_on_one_page(sheet: Worksheet) -> None:
    """Set portrait on one page: a guide for five target groups is scaled down a little.

    On two pages, a heading or two lines could be separated from their text.
    """
    sheet.page_setup.orientation = "portrait"
    sheet.page_setup.fitToHeight = 1


def _set_header_footer(band: HeaderFooterItem | None, left: str, right: str) -> None:
    if band is not None:
        band.left.text, band.right.text = left, right


def school_line(content: OverviewContent) -> str:
    return f"{content.school.name} ({content.school.id})"


def page_header_text(text: str) -> str:
    """Escape `&`, which starts a code in page headers, and stay within their 255 characters."""
    return single_line(text)[:_MAX_HEADER_TEXT].replace("&", "&&")


def fill_students(writer: SheetWriter, name: str, group: OverviewTargetGroup, texts: Texts) -> None:
    """Write a row per student and a column per component, with the level or the status."""
    has_stamnummer = shows_stamnummer(group)
    headers, key_columns = student_headers(group, texts)
    styles = [level_styles(column) for column in group.columns]
    rows = []
    for row in group.rows:
        person = [row.class_group, row.family_name, row.given_name]
        person += [row.stamnummer or ""] if has_stamnummer else []
        values: list[StyledValue] = [StyledValue(text, PLAIN) for text in person]
        values += [
            _outcome(cell, style, texts) for cell, style in zip(row.cells, styles, strict=True)
        ]
        rows.append(values)
    _write_table(writer, name, [(header, HEADER) for header in headers], rows)
    writer.sheet.freeze_panes = "D2"
    _set_widths(writer.sheet, headers, rows, key_columns)


def shows_stamnummer(group: OverviewTargetGroup) -> bool:
    return any(row.stamnummer for row in group.rows)


def student_headers(group: OverviewTargetGroup, texts: Texts) -> tuple[list[str], int]:
    """Return the headers of a sheet of students, and the number of columns about the student."""
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


def level_styles(column: OverviewColumn) -> dict[str, CellStyle]:
    steps = len(column.scale)
    return {level.code: level_style(step, steps) for step, level in enumerate(column.scale)}


def _outcome(cell: OverviewCell | None, styles: dict[str, CellStyle], texts: Texts) -> StyledValue:
    if cell is not None and cell.level is not None:
        return StyledValue(cell.level.label, styles[cell.level.code])
    status = cell.status if cell else NOT_ASSIGNED
    return StyledValue(texts.statuses[status].name, STATUS)


def _write_table(
    writer: SheetWriter,
    name: str,
    headers: Sequence[tuple[str, CellStyle]],
    rows: Sequence[Sequence[StyledValue]],
) -> None:
    """Write a table, for filters and screen readers; it needs a row even without data."""
    names = unique_names(single_line(header) for header, _ in headers)
    for number, (header, (_, style)) in enumerate(zip(names, headers, strict=True), start=1):
        writer.write(1, number, header, style)
    for row, values in enumerate(rows, start=2):
        for number, (value, style) in enumerate(values, start=1):
            writer.write(row, number, value, style)
    last = f"{get_column_letter(len(headers))}{max(2, len(rows) + 1)}"
    table = Table(displayName=name, ref=f"A1:{last}")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
    writer.sheet.add_table(table)
    writer.sheet.row_dimensions[1].height = 2 * LINE_HEIGHT + 3
    writer.sheet.print_title_rows = "1:1"


def _set_widths(
    sheet: Worksheet,
    headers: Sequence[str],
    rows: Sequence[Sequence[StyledValue]],
    key_columns: int,
) -> None:
    for number, header in enumerate(headers):
        longest = max((len(str(row[number].value)) for row in rows), default=0)
        width = column_width(header, longest, is_key=number < key_columns)
        sheet.column_dimensions[get_column_letter(number + 1)].width = width


def column_width(header: str, longest: int, *, is_key: bool) -> float:
    """Return a width in characters for the longest text, within limits.

    Long headers wrap over two lines, except those of the frozen key columns.
    """
    wanted = max(longest, len(header) + 4 if is_key else len(header) / 2 + 4)
    return min(max(wanted + 2, 9), 36)


def fill_counts(writer: SheetWriter, content: OverviewContent, texts: Texts) -> None:
    """Write the number of students per class group, component and level.

    Small groups are included: the class council has every student's level on the sheets before
    this one, so leaving out a count would hide nothing.
    """
    labels = all_labels(content)
    headers, key_columns = counts_headers(labels, texts)
    rows = [row for group in content.target_groups for row in _group_counts(group, labels, texts)]
    styles = [HEADER] * key_columns + [NUMBER_HEADER] * (len(headers) - key_columns)
    _write_table(writer, _COUNTS_TABLE, list(zip(headers, styles, strict=True)), rows)
    writer.sheet.freeze_panes = "E2"
    _set_widths(writer.sheet, headers, rows, key_columns)


def counts_headers(labels: tuple[str, ...], texts: Texts) -> tuple[list[str], int]:
    """Return the headers of the counts, and the number of columns before the counts."""
    words = texts.overview
    own = [words.class_group, words.target_group, words.subject, words.component]
    return [*own, *labels, words.without_level], len(own)


def all_labels(content: OverviewContent) -> tuple[str, ...]:
    """Return the level labels of all scales, lowest first; equal labels share a column."""
    steps = {
        (level.ordinal, level.label)
        for group in content.target_groups
        for column in group.columns
        for level in column.scale
    }
    return tuple(dict.fromkeys(label for _, label in sorted(steps)))


def _group_counts(
    group: OverviewTargetGroup, labels: tuple[str, ...], texts: Texts
) -> Iterator[list[StyledValue]]:
    for class_group in dict.fromkeys(row.class_group for row in group.rows):
        members = [row for row in group.rows if row.class_group == class_group]
        for number, column in enumerate(group.columns):
            cells = [row.cells[number] for row in members]
            assigned = [cell for cell in cells if cell and cell.status != NOT_ASSIGNED]
            counts = Counter(cell.level.label if cell.level else None for cell in assigned)
            on_scale = {level.label for level in column.scale}
            names = (class_group, group.name, texts.subject(column.subject), column.name)
            yield [
                *(StyledValue(name, PLAIN) for name in names),
                *(
                    StyledValue(counts[label] if label in on_scale else None, NUMBER)
                    for label in labels
                ),
                StyledValue(counts[None], NUMBER),
            ]
