"""The columns of components in an overview: the XML of every cell that they can have."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.worker.documents.overview_sheets import level_styles
from services.worker.documents.overview_styles import STATUS
from services.worker.xlsx.cell_xml import StyleIndexes, text_cell
from services.worker.xlsx.shared_string_table import xml_text
from shared.documents.content import NOT_ASSIGNED, OverviewCell, OverviewColumn
from shared.documents.texts import Texts


@dataclass(frozen=True, slots=True)
class TemplateStrings:
    """Indexes of the shared strings that all schools have in common.

    Constant texts by their XML. Each status has its own index, even if two have the same name, so
    that cells can be distinguished by their references.
    """

    constant: Mapping[str, int]
    statuses: Mapping[str, int]

    @property
    def count(self) -> int:
        return len(self.constant) + len(self.statuses)


@dataclass(frozen=True, slots=True)
class OutcomeColumn:
    """The cells of a component by level and status, and the lengths of their texts.

    `counted` has, for each level label of the workbook, the cells with that label; None for a label
    that is not on this component's scale.
    """

    component: str
    subject: str
    levels: Mapping[str, str]
    statuses: Mapping[str, str]
    lengths: Mapping[str, int]
    counted: tuple[frozenset[str] | None, ...]

    @property
    def not_assigned(self) -> str:
        return self.statuses[NOT_ASSIGNED]

    def cell_xml(self, cell: OverviewCell | None) -> str:
        if cell is None:
            return self.not_assigned
        return self.levels[cell.level.code] if cell.level else self.statuses[cell.status]


def outcome_column(
    column: OverviewColumn,
    labels: tuple[str, ...],
    style_indexes: StyleIndexes,
    strings: TemplateStrings,
    texts: Texts,
) -> OutcomeColumn:
    styles = level_styles(column)
    levels, lengths = {}, {}
    by_label: dict[str, set[str]] = {}
    for level in column.scale:
        style = style_indexes.of(styles[level.code], level.label)
        cell = text_cell(style, strings.constant[xml_text(level.label)])
        levels[level.code] = cell
        lengths[cell] = len(level.label)
        by_label.setdefault(level.label, set()).add(cell)
    statuses = {}
    for status, index in strings.statuses.items():
        name = texts.statuses[status].name
        statuses[status] = text_cell(style_indexes.of(STATUS, name), index)
        lengths[statuses[status]] = len(name)
    return OutcomeColumn(
        component=column.name,
        subject=texts.subject(column.subject),
        levels=levels,
        statuses=statuses,
        lengths=lengths,
        counted=tuple(
            frozenset(by_label[label]) if label in by_label else None for label in labels
        ),
    )
