"""The rows of one school in an overview as cell XML: students and counts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.worker.documents.overview_columns import OutcomeColumn
from services.worker.documents.overview_template import GroupTemplate
from services.worker.xlsx.cell_xml import empty_cell, number_cell
from services.worker.xlsx.shared_string_table import SharedStringTable
from services.worker.xlsx.sheet_template import SheetRows
from shared.documents.content import OverviewRow


class GroupRows(NamedTuple):
    """The students of a target group, as content and as rows of their sheet."""

    template: GroupTemplate
    students: Sequence[OverviewRow]
    rows: SheetRows


def student_rows(
    group: GroupTemplate, students: Sequence[OverviewRow], strings: SharedStringTable
) -> SheetRows:
    facts = [
        [student.class_group for student in students],
        [student.family_name for student in students],
        [student.given_name for student in students],
    ]
    if group.key.has_stamnummer:
        facts.append([student.stamnummer or "" for student in students])
    columns = [[strings[text] for text in texts] for texts in facts]
    longest = [max(map(len, texts), default=0) for texts in facts]
    for index, column in enumerate(group.columns):
        cells = [column.cell_xml(student.cells[index]) for student in students]
        columns.append(cells)
        longest.append(max(map(column.lengths.__getitem__, set(cells)), default=0))
    return SheetRows(columns, longest)


def count_rows(
    groups: Iterable[GroupRows], labels: int, number_style: int, strings: SharedStringTable
) -> SheetRows:
    """Return a row per class group and component; `labels` is the number of counted labels."""
    names: list[tuple[str, str, str, str]] = []
    counts: list[list[int | None]] = []
    for template, students, rows in groups:
        outcomes = rows.columns[-len(template.columns) :] if template.columns else ()
        for class_group, indexes in _indexes_by_class_group(students).items():
            for column, cells in zip(template.columns, outcomes, strict=True):
                names.append((class_group, template.key.name, column.subject, column.component))
                counts.append(_counts(column, [cells[index] for index in indexes]))
    name_columns = list(zip(*names, strict=True)) or [()] * 4
    number_columns = list(zip(*counts, strict=True)) or [()] * (labels + 1)
    empty = empty_cell(number_style)
    return SheetRows(
        [
            *([strings[text] for text in texts] for texts in name_columns),
            *(
                [
                    empty if number is None else number_cell(number_style, number)
                    for number in column
                ]
                for column in number_columns
            ),
        ],
        [
            *(max(map(len, texts), default=0) for texts in name_columns),
            *(max((len(str(number)) for number in column), default=0) for column in number_columns),
        ],
    )


def _indexes_by_class_group(students: Sequence[OverviewRow]) -> dict[str, list[int]]:
    indexes: dict[str, list[int]] = {}
    for index, student in enumerate(students):
        indexes.setdefault(student.class_group, []).append(index)
    return indexes


def _counts(column: OutcomeColumn, cells: list[str]) -> list[int | None]:
    """Return the number of students per label, None where the scale lacks it, and without level."""
    by_cell = Counter(cells)
    counts = [
        None if counted is None else sum(by_cell[cell] for cell in counted)
        for counted in column.counted
    ]
    with_level = sum(count or 0 for count in counts)
    return [*counts, len(cells) - with_level - by_cell[column.not_assigned]]
