"""Sheet templates: the constant pieces of a sheet with a table, completed with rows and columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from openpyxl.utils import get_column_letter

_FIRST_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class TextSheetTemplate:
    """A sheet split around some of its rows and the text of its page header."""

    name: str
    pieces: tuple[str, ...]

    def complete(self, rows: str, header_text: str) -> str:
        before_rows, before_header, after = self.pieces
        return f"{before_rows}{rows}{before_header}{header_text}{after}"


@dataclass(frozen=True, slots=True)
class TableSheetTemplate:
    """A sheet split around dimension, columns, rows and page header; its table around ranges.

    The first `key_columns` identify a row.
    """

    name: str
    pieces: tuple[str, ...]
    table_name: str
    table_pieces: tuple[str, ...]
    headers: tuple[str, ...]
    key_columns: int


@dataclass(frozen=True, slots=True)
class SheetRows:
    """The rows below a header: cell XML by column, and the length of the longest text of each."""

    columns: Sequence[Sequence[str]]
    longest: Sequence[int]

    @property
    def count(self) -> int:
        return len(self.columns[0])


def complete_sheet(
    template: TableSheetTemplate, rows: SheetRows, widths: Sequence[float], header_text: str
) -> str:
    before_dimension, before_columns, before_rows, before_header, after = template.pieces
    dimension = f"A1:{get_column_letter(len(template.headers))}{rows.count + 1}"
    return "".join(
        (
            *(before_dimension, dimension, before_columns, _columns(widths), before_rows),
            *_rows(rows.columns),
            *(before_header, header_text, after),
        )
    )


def complete_table(template: TableSheetTemplate, rows: SheetRows) -> str:
    """Return the table part of a sheet; a table without data has one empty row."""
    last_row = max(rows.count + 1, _FIRST_ROW)
    table_range = f"A1:{get_column_letter(len(template.headers))}{last_row}"
    return table_range.join(template.table_pieces)


def _rows(columns: Sequence[Sequence[str]]) -> Iterator[str]:
    pattern = _row_pattern(len(columns))
    slots = 2 * len(columns) + 1
    for number, cells in enumerate(zip(*columns, strict=True), start=_FIRST_ROW):
        values: list[object] = [number] * slots
        values[2::2] = cells
        yield pattern % tuple(values)


@lru_cache(maxsize=128)
def _row_pattern(columns: int) -> str:
    letters = (get_column_letter(number) for number in range(1, columns + 1))
    cells = (f'<c r="{letter}%s%s' for letter in letters)
    return f'<row r="%s">{"".join(cells)}</row>'


def _columns(widths: Sequence[float]) -> str:
    return "".join(
        f'<col customWidth="1" max="{number}" min="{number}" width="{width:g}"/>'
        for number, width in enumerate(widths, start=1)
    )
