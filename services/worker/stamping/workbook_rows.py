"""Writes what is a school's own in a workbook as sheet XML: students, counts, facts, widths."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from openpyxl.utils import get_column_letter

from services.worker.rendering.overview_sheets import column_width
from services.worker.stamping.workbook_endings import OutcomeColumn, OwnTexts, empty_ending
from services.worker.stamping.workbook_template import GroupTemplate, TableSheet
from shared.documents.content import OverviewRow

_FIRST_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows below a header, as endings by column, and the longest text of each column."""

    columns: Sequence[Sequence[str]]
    longest: Sequence[int]

    @property
    def count(self) -> int:
        return len(self.columns[0])


def write_sheet(sheet: TableSheet, rows: Rows, printed_school: str) -> str:
    before_range, before_widths, before_rows, before_school, after = sheet.pieces
    used = f"A1:{get_column_letter(len(sheet.headers))}{rows.count + 1}"
    return "".join(
        (
            *(before_range, used, before_widths, _widths(sheet, rows.longest), before_rows),
            *_rows(rows.columns),
            *(before_school, printed_school, after),
        )
    )


def write_table(sheet: TableSheet, rows: Rows) -> str:
    """The part that makes a table of the sheet's rows; without any it keeps an empty one."""
    last_row = max(rows.count + 1, _FIRST_ROW)
    return f"A1:{get_column_letter(len(sheet.headers))}{last_row}".join(sheet.table_pieces)


def _rows(columns: Sequence[Sequence[str]]) -> Iterator[str]:
    pattern = _row_pattern(len(columns))
    slots = 2 * len(columns) + 1
    for number, endings in enumerate(zip(*columns, strict=True), start=_FIRST_ROW):
        values: list[object] = [number] * slots
        values[2::2] = endings
        yield pattern % tuple(values)


@lru_cache(maxsize=128)
def _row_pattern(columns: int) -> str:
    letters = (get_column_letter(number) for number in range(1, columns + 1))
    cells = (f'<c r="{letter}%s%s' for letter in letters)
    return f'<row r="%s">{"".join(cells)}</row>'


def _widths(sheet: TableSheet, longest: Sequence[int]) -> str:
    widths = (
        column_width(header, characters, is_own=number < sheet.own_columns)
        for number, (header, characters) in enumerate(zip(sheet.headers, longest, strict=True))
    )
    return "".join(
        f'<col customWidth="1" max="{number}" min="{number}" width="{width:g}"/>'
        for number, width in enumerate(widths, start=1)
    )


def student_rows(group: GroupTemplate, rows: Sequence[OverviewRow], own: OwnTexts) -> Rows:
    facts = [
        [row.class_group for row in rows],
        [row.family_name for row in rows],
        [row.given_name for row in rows],
    ]
    if group.key.has_stamnummer:
        facts.append([row.stamnummer or "" for row in rows])
    endings = [[own[text] for text in texts] for texts in facts]
    longest = [max(map(len, texts), default=0) for texts in facts]
    for number, column in enumerate(group.columns):
        cells = [column.ending(row.cells[number]) for row in rows]
        endings.append(cells)
        longest.append(max(map(column.lengths.__getitem__, set(cells)), default=0))
    return Rows(endings, longest)


def count_rows(
    groups: Iterable[tuple[GroupTemplate, Sequence[OverviewRow], Rows]],
    labels: int,
    number_style: int,
    own: OwnTexts,
) -> Rows:
    """A row per class group and component; `labels` is the number of level labels counted."""
    names: list[tuple[str, str, str, str]] = []
    counts: list[list[int | None]] = []
    for group, rows, students in groups:
        outcomes = students.columns[-len(group.columns) :] if group.columns else ()
        for class_group, places in _places(rows).items():
            for column, endings in zip(group.columns, outcomes, strict=True):
                names.append((class_group, group.key.name, column.subject, column.component))
                counts.append(_counts(column, [endings[place] for place in places]))
    own_texts = list(zip(*names, strict=True)) or [()] * 4
    numbers = list(zip(*counts, strict=True)) or [()] * (labels + 1)
    blank = empty_ending(number_style)
    return Rows(
        [
            *([own[text] for text in texts] for texts in own_texts),
            *(
                [
                    blank if number is None else f'" s="{number_style}"><v>{number}</v></c>'
                    for number in column
                ]
                for column in numbers
            ),
        ],
        [
            *(max(map(len, texts), default=0) for texts in own_texts),
            *(max((len(str(number)) for number in column), default=0) for column in numbers),
        ],
    )


def _places(rows: Sequence[OverviewRow]) -> dict[str, list[int]]:
    """The places in `rows` of each class group's students."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.class_group, []).append(place)
    return places


def _counts(column: OutcomeColumn, endings: list[str]) -> list[int | None]:
    """How many have each label, None where the scale lacks it, and how many have no level."""
    found = Counter(endings)
    counts = [
        None if counted is None else sum(found[ending] for ending in counted)
        for counted in column.counted
    ]
    with_level = sum(count or 0 for count in counts)
    return [*counts, len(endings) - with_level - found[column.not_assigned]]
