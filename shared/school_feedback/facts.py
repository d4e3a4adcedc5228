"""The facts that figures are made from, as rows of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from shared.school_feedback.figures import FigureLevel

FLANDERS: Final = ""
"""The comparison group of all schools."""


class ComponentFacts(NamedTuple):
    """A component with the levels of its scale, from the lowest up, and their ids."""

    id: int
    code: str
    name: str
    subject: str
    position: int
    is_calibration: bool
    levels: tuple[FigureLevel, ...]
    level_ids: tuple[int, ...]


class ResultFacts(NamedTuple):
    """The current result of a student; a reported one has a level, and can have a score.

    `student_code` is the delivered code of the student.
    """

    student_id: str
    student_code: str
    class_group_id: str
    status: str
    level_id: int | None
    score: Decimal | None


class ClassGroupFacts(NamedTuple):
    """A class group of the school, by id."""

    id: str
    name: str
    site: str | None
    site_name: str | None


@dataclass(frozen=True, slots=True)
class SchoolFacts:
    """The facts of a school as of one revision; class groups are in Dutch order of their names."""

    facts_revision: int
    comparison_group: str | None
    class_groups: Sequence[ClassGroupFacts]
    results: Mapping[int, Sequence[ResultFacts]]
    """By id of the component."""
