"""The figures of school feedback: what a school reads about its students as a group.

They are frozen facts without a drawing: the API serves them, and documents are made from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PERCENTAGES_FROM = 20
"""With fewer students a percentage is not shown: one student would be more than 5 %."""
SMALL_COUNT = 5
"""A number of absent students below this is shown as "fewer than 5"."""


class RowKind(StrEnum):
    """The students that a row is about."""

    SCHOOL = "school"
    CLASS_GROUP = "classGroup"


class ReferenceName(StrEnum):
    """The students that a school is compared with; similar schools are calculated ones."""

    FLANDERS = "flanders"
    SIMILAR = "similar"


class ReferenceKind(StrEnum):
    """The origin of a reference."""

    DELIVERED = "delivered"
    COMPUTED = "computed"


@dataclass(frozen=True, slots=True)
class FigureLevel:
    """A level of the scale; `ordinal` 1 is the lowest. Without final objectives it is None."""

    code: str
    label: str
    ordinal: int
    attains_basic_literacy: bool | None = None
    attains_final_objectives: bool | None = None


@dataclass(frozen=True, slots=True)
class MeanScore:
    """A mean scale score with its standard error, in the unit of the scale.

    A delivered reference can lack the standard error.
    """

    value: float
    standard_error: float | None


@dataclass(frozen=True, slots=True)
class NotTested:
    """Students of the school without a result of this component; None is "fewer than 5"."""

    absent: int | None
    exempt: int | None
    not_completed: int | None


@dataclass(frozen=True, slots=True)
class FigureRow:
    """The students of a school or class group with a level, counted per level.

    `counts` are in the order of the levels, from the lowest up. They are None for a hidden row,
    which shows nothing but its name: neither its size nor the reason. `site` is for filters.
    `not_assigned` students were not meant to take the component; no other figure includes them.
    """

    kind: RowKind
    name: str | None = None
    site: str | None = None
    site_name: str | None = None
    counts: tuple[int, ...] | None = None
    not_assigned: int | None = None

    @property
    def is_hidden(self) -> bool:
        return self.counts is None

    @property
    def students(self) -> int | None:
        """The number of students with a level; None if the row is hidden."""
        return None if self.counts is None else sum(self.counts)

    @property
    def percentages(self) -> tuple[int, ...] | None:
        """The whole percentages per level, which need not add up to 100; None for few students."""
        if self.counts is None or sum(self.counts) < PERCENTAGES_FROM:
            return None
        return tuple(round(100 * count / sum(self.counts)) for count in self.counts)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference at school level. `shares` (0 to 1) are in the order of the levels.

    A delivered reference can lack any of its values, and a computed one has no mean if its students
    have no scale scores. `students` is the number that it is about, if delivered.
    """

    name: ReferenceName
    kind: ReferenceKind
    shares: tuple[float, ...] | None = None
    basic_literacy: float | None = None
    final_objectives: float | None = None
    mean: MeanScore | None = None
    students: int | None = None


@dataclass(frozen=True, slots=True)
class ComponentFigures:
    """The figures of one component in one version.

    `rows` begin with the school; its class groups follow in Dutch order of their names, and a
    calibration has none. `mean` and `not_tested` are about the school, and None if its row is
    hidden. Without `has_late_corrections` the figures are those of an earlier version, since those
    of now would reveal the results of the few students that changed.
    """

    component: str
    name: str
    subject: str
    position: int
    is_calibration: bool
    levels: tuple[FigureLevel, ...]
    rows: tuple[FigureRow, ...]
    mean: MeanScore | None
    not_tested: NotTested | None
    references: tuple[Reference, ...]
    has_late_corrections: bool
    version: int
    reason: str
    computed_at: datetime

    @property
    def school_row(self) -> FigureRow:
        return self.rows[0]

    @property
    def class_rows(self) -> tuple[FigureRow, ...]:
        return self.rows[1:]

    def basic_literacy(self, row: FigureRow) -> int | None:
        """Return the number of students that attain basic literacy; None if hidden or unknown."""
        return _attaining(row, [level.attains_basic_literacy for level in self.levels])

    def final_objectives(self, row: FigureRow) -> int | None:
        """Return the number that attain the final objectives; None if hidden or there are none."""
        return _attaining(row, [level.attains_final_objectives for level in self.levels])


@dataclass(frozen=True, slots=True)
class SchoolFeedback:
    """The released figures of a school for one target group, by position of the component."""

    administration_id: str
    school_id: str
    target_group: str
    target_group_name: str
    components: tuple[ComponentFigures, ...]


def _attaining(row: FigureRow, marks: Sequence[bool | None]) -> int | None:
    if row.counts is None or None in marks:
        return None
    return sum(count for count, attains in zip(row.counts, marks, strict=True) if attains)
