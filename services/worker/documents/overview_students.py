"""The sheet of a target group: a row per student, a column per component."""

from collections import Counter
from collections.abc import Iterator, Mapping

from services.worker.documents.overview_layout import TableColumn, lay_out_table, table_sheet
from services.worker.documents.overview_levels import legend_of, level_cells
from services.worker.documents.overview_styles import HEADER, PLAIN, STATUS
from services.worker.xlsx.sheet import Cell, Sheet
from shared.documents.content import (
    NOT_ASSIGNED,
    OverviewCell,
    OverviewContent,
    OverviewTargetGroup,
)
from shared.documents.texts import OverviewTexts, Texts


def students_sheet(
    title: str, table: str, group: OverviewTargetGroup, content: OverviewContent, texts: Texts
) -> Sheet:
    statuses = {
        status: Cell(status_texts.name, STATUS) for status, status_texts in texts.statuses.items()
    }
    columns = [*_student_columns(group, texts.overview)]
    for index, header in enumerate(component_headers(group, texts)):
        levels = level_cells(group.columns[index].scale, texts.overview)
        cells = [_outcome(row.cells[index], levels, statuses) for row in group.rows]
        columns.append(TableColumn(Cell(header, HEADER), cells))
    legend = legend_of(
        (level for column in group.columns for level in column.scale), texts.overview
    )
    page_by = [row.class_group for row in group.rows]
    return table_sheet(title, table, lay_out_table(columns), page_by, (content, texts, legend))


def _student_columns(group: OverviewTargetGroup, words: OverviewTexts) -> Iterator[TableColumn]:
    """Yield the names, and the other facts that are known of at least one student."""
    keys = (
        (words.class_group, [row.class_group for row in group.rows]),
        (words.family_name, [row.family_name for row in group.rows]),
        (words.given_name, [row.given_name for row in group.rows]),
    )
    facts = (
        (words.stamnummer, [row.stamnummer or "" for row in group.rows]),
        (words.document_number, [row.document_number or "" for row in group.rows]),
        (words.site, [row.site_name or "" for row in group.rows]),
    )
    for header, texts in keys:
        yield TableColumn(Cell(header, HEADER), [Cell(text, PLAIN) for text in texts], is_key=True)
    for header, texts in facts:
        if any(texts):
            yield TableColumn(Cell(header, HEADER), [Cell(text, PLAIN) for text in texts])


def component_headers(group: OverviewTargetGroup, texts: Texts) -> list[str]:
    """Return the names of the components, with their subject where two have one name."""
    names = Counter(column.name.casefold() for column in group.columns)
    return [
        column.name
        if names[column.name.casefold()] == 1
        else f"{column.name} ({texts.subject(column.subject)})"
        for column in group.columns
    ]


def _outcome(
    cell: OverviewCell | None, levels: Mapping[str, Cell], statuses: Mapping[str, Cell]
) -> Cell:
    if cell is None:
        return statuses[NOT_ASSIGNED]
    return levels[cell.level.code] if cell.level else statuses[cell.status]
