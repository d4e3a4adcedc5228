"""Files and columns of the delivery format, and its versions."""

from dataclasses import dataclass
from typing import Final

FORMAT_1_0: Final = "1.0"
FORMAT_1_1: Final = "1.1"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file.

    `is_optional`: the file may lack the column, and a row its value. `limit` is in characters.
    A value must match `pattern`, a PostgreSQL regular expression, and be one of `values`;
    `expected` describes such a value, and `kind` is the kind of fault of any other.
    `is_personal` values are never quoted in a report. `is_text` is for values that people read:
    they are stored as delivered, and any other value as `fold` returns it. `is_drawn` values are
    drawn on fiches. With `may_be_empty` a row may lack the value of a required column. `since` is
    the first version of the format with the column.
    """

    name: str
    limit: int | None = None
    is_optional: bool = False
    pattern: str | None = None
    values: tuple[str, ...] = ()
    expected: str = ""
    kind: str = "invalidValue"
    is_personal: bool = False
    has_line_breaks: bool = False
    is_text: bool = False
    is_drawn: bool = False
    may_be_empty: bool = False
    since: str = FORMAT_1_0


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A CSV file of the format; `table` is its staging table.

    `since` is the first version of the format with the file.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    is_optional: bool = False
    since: str = FORMAT_1_0

    @property
    def table(self) -> str:
        return f"staged_{self.name.removesuffix('.csv')}"

    @property
    def has_personal_data(self) -> bool:
        return any(column.is_personal for column in self.columns)

    @property
    def is_about_students(self) -> bool:
        """True for a file of which any column may contain a name by mistake."""
        return "student" in self.key

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
