"""The levels of an overview: their cells and markers, and the sheet with their descriptions."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from services.worker.documents.overview_layout import (
    Table,
    TableColumn,
    lay_out_table,
    table_sheet,
)
from services.worker.documents.overview_styles import HEADER, PLAIN, level_style
from services.worker.xlsx.sheet import Cell, Sheet
from shared.documents.content import Level, OverviewColumn, OverviewContent
from shared.documents.texts import Marker, OverviewTexts, Texts

Scale = tuple[Level, ...]
_DESCRIPTION_WIDTH = 80.0  # characters


def marker_of(level: Level, words: OverviewTexts) -> Marker | None:
    """Return the marker of what the level attains: of both, the final objectives."""
    if level.attains_final_objectives:
        return words.final_objectives
    return words.basic_literacy if level.attains_basic_literacy else None


def suffix_of(level: Level, words: OverviewTexts) -> str:
    marker = marker_of(level, words)
    return f" {marker.sign}" if marker else ""


def level_cells(scale: Scale, words: OverviewTexts) -> dict[str, Cell]:
    """Return the cell of each level by its code, with its sign as the format of the label."""
    return {
        level.code: Cell(level.label, level_style(step, len(scale), suffix_of(level, words)))
        for step, level in enumerate(scale)
    }


def legend_of(levels: Iterable[Level], words: OverviewTexts) -> str:
    """Return the meaning of the signs of these levels; empty without any."""
    markers = [marker_of(level, words) for level in levels]
    return " · ".join(
        f"{marker.sign} {marker.name.lower()} {words.attained}"
        for marker in (words.final_objectives, words.basic_literacy)
        if marker in markers
    )


class _Component(NamedTuple):
    """A component with the names of its target group and of its subject."""

    group: str
    subject: str
    column: OverviewColumn


class _Row(NamedTuple):
    """A level of a component; the description is None if there is none."""

    component: _Component
    level: Level
    cell: Cell
    description: str | None


class _LevelsTable(NamedTuple):
    """The levels of target groups as a table, with the group of each row, and the legend."""

    table: Table
    groups: Sequence[str]
    legend: str


def levels_sheet(title: str, content: OverviewContent, texts: Texts) -> Sheet:
    """Return a row per target group, component and level, with the description."""
    components = tuple(
        _Component(group.name, texts.subject(column.subject), column)
        for group in content.target_groups
        for column in group.columns
    )
    table, page_by, legend = _levels_table(components, texts.overview)
    return table_sheet(title, "Niveaus", table, page_by, (content, texts, legend))


@lru_cache(maxsize=64)
def _levels_table(components: tuple[_Component, ...], words: OverviewTexts) -> _LevelsTable:
    """Return the table, which is the same for all schools with the same target groups."""
    rows = list(_rows(components, words))
    groups = [row.component.group for row in rows]
    columns = [
        _column(words.target_group, groups),
        _column(words.subject, [row.component.subject for row in rows]),
        _column(words.component, [row.component.column.name for row in rows]),
        TableColumn(Cell(words.level, HEADER), [row.cell for row in rows], is_key=True),
    ]
    names = {None: "", False: words.not_attained, True: words.attained}
    for marker, attained in (
        (words.basic_literacy, [row.level.attains_basic_literacy for row in rows]),
        (words.final_objectives, [row.level.attains_final_objectives for row in rows]),
    ):
        if any(one is not None for one in attained):
            cells = [Cell(names[one], PLAIN) for one in attained]
            columns.append(TableColumn(Cell(marker.name, HEADER), cells))
    described = [Cell(row.description or "", PLAIN) for row in rows]
    columns.append(
        TableColumn(Cell(words.description, HEADER), described, max_width=_DESCRIPTION_WIDTH)
    )
    legend = legend_of((row.level for row in rows), words)
    return _LevelsTable(lay_out_table(columns), groups, legend)


def _rows(components: Iterable[_Component], words: OverviewTexts) -> Iterator[_Row]:
    for component in components:
        column = component.column
        cells = level_cells(column.scale, words).values()
        described = column.descriptions or (None,) * len(column.scale)
        for level, cell, description in zip(column.scale, cells, described, strict=True):
            yield _Row(component, level, cell, description)


def _column(header: str, texts: Iterable[str]) -> TableColumn:
    return TableColumn(Cell(header, HEADER), [Cell(text, PLAIN) for text in texts], is_key=True)
