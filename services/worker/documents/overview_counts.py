"""The sheets of counts: the number of students per class group, component and level."""

from collections import Counter
from collections.abc import Iterator

from services.worker.documents.overview_layout import TableColumn, lay_out_table, table_sheet
from services.worker.documents.overview_levels import Scale, legend_of, suffix_of
from services.worker.documents.overview_styles import HEADER, NUMBER, PLAIN, count_header
from services.worker.xlsx.sheet import Cell, Sheet
from shared.documents.content import (
    NOT_ASSIGNED,
    OverviewCell,
    OverviewColumn,
    OverviewContent,
    OverviewRow,
    OverviewTargetGroup,
)
from shared.documents.texts import Texts

_WITHOUT_LEVEL = None
Counts = Counter[str | None]
"""The number of students by the code of their level; None for those without a level."""


def scales_of(group: OverviewTargetGroup) -> tuple[Scale, ...]:
    return tuple(dict.fromkeys(column.scale for column in group.columns))


def counts_sheet(
    title: str,
    table: str,
    group: OverviewTargetGroup,
    scale: Scale,
    page: tuple[OverviewContent, Texts],
) -> Sheet:
    """Return the counts of the components of a target group that have this scale.

    Small groups are included: the class council has every student's level on the sheets before
    this one, so leaving out a count would hide nothing.
    """
    content, texts = page
    words = texts.overview
    rows = list(_rows(group, scale))
    class_groups = [class_group for class_group, _, _ in rows]
    columns = [
        _names(words.class_group, class_groups),
        _names(words.subject, [texts.subject(column.subject) for _, column, _ in rows]),
        _names(words.component, [column.name for _, column, _ in rows]),
    ]
    for level in scale:
        header = Cell(level.label, count_header(suffix_of(level, words)))
        columns.append(_numbers(header, [counts[level.code] for *_, counts in rows]))
    header = Cell(words.without_level, count_header(""))
    columns.append(_numbers(header, [counts[_WITHOUT_LEVEL] for *_, counts in rows]))
    return table_sheet(
        title,
        table,
        lay_out_table(columns),
        class_groups,
        (content, texts, legend_of(scale, words)),
    )


def _rows(group: OverviewTargetGroup, scale: Scale) -> Iterator[tuple[str, OverviewColumn, Counts]]:
    members: dict[str, list[OverviewRow]] = {}
    for row in group.rows:
        members.setdefault(row.class_group, []).append(row)
    for class_group, rows in members.items():
        for index, column in enumerate(group.columns):
            if column.scale == scale:
                yield class_group, column, _counts(row.cells[index] for row in rows)


def _counts(cells: Iterator[OverviewCell | None]) -> Counts:
    return Counter(
        cell.level.code if cell.level else _WITHOUT_LEVEL
        for cell in cells
        if cell is not None and cell.status != NOT_ASSIGNED
    )


def _names(header: str, texts: list[str]) -> TableColumn:
    return TableColumn(Cell(header, HEADER), [Cell(text, PLAIN) for text in texts], is_key=True)


def _numbers(header: Cell, numbers: list[int]) -> TableColumn:
    return TableColumn(header, [Cell(number, NUMBER) for number in numbers])
