"""References at school level as pure rules: delivered ones, and those computed from sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import MAX_PREC, Context, Decimal, Inexact, localcontext
from fractions import Fraction
from math import sqrt
from typing import Final, NamedTuple

from shared.school_feedback.figures import (
    FigureLevel,
    MeanScore,
    Reference,
    ReferenceKind,
    ReferenceName,
)
from shared.school_feedback.suppression import Policy, may_compare

MIN_OTHER_SCHOOLS: Final = 10
MIN_OTHER_STUDENTS: Final = 100
MAX_SHARE_OF_A_SCHOOL: Final = Fraction(1, 2)
LARGEST_SCORE: Final = 10**9
SHARE_DIGITS: Final = 3
SCORE_DIGITS: Final = 2
_EXACT: Final = Context(prec=MAX_PREC, traps=[Inexact])


class ScoreSums(NamedTuple):
    """The number of scale scores, their sum and the sum of their squares, exactly."""

    scored: int
    total: Fraction
    squares: Fraction

    @classmethod
    def of(cls, scores: Sequence[Decimal]) -> "ScoreSums":
        with localcontext(_EXACT):
            squares = sum((score * score for score in scores), Decimal())
            return cls(len(scores), Fraction(sum(scores, Decimal())), Fraction(squares))

    def without(self, others: "ScoreSums") -> "ScoreSums":
        return ScoreSums(
            self.scored - others.scored, self.total - others.total, self.squares - others.squares
        )


@dataclass(frozen=True, slots=True)
class GroupSums:
    """The students of a group of schools per level, their scores, and the two largest schools."""

    counts: tuple[int, ...]
    scores: ScoreSums
    schools: int
    largest: tuple[int, ...]

    def without(self, school: "GroupSums") -> "GroupSums":
        """Return the sums of the other schools of the group."""
        students = sum(school.counts)
        largest = list(self.largest)
        if students in largest:
            largest.remove(students)
        return GroupSums(
            tuple(mine - own for mine, own in zip(self.counts, school.counts, strict=True)),
            self.scores.without(school.scores),
            self.schools - school.schools,
            tuple(largest),
        )


class DeliveredValue(NamedTuple):
    """A value of a delivered reference; one of `level` and `indicator` is not empty."""

    name: ReferenceName
    level: str
    indicator: str
    value: float
    standard_error: float | None
    students: int | None


def mean_score(scores: ScoreSums, minimum: int) -> MeanScore | None:
    """Return the mean with its standard error; None for few scores, or when all are the same.

    None also for scores that are no numbers of a scale.
    """
    number = scores.scored
    if number < max(minimum, 2) or scores.squares >= number * LARGEST_SCORE**2:
        return None
    variance = (scores.squares - scores.total * scores.total / number) / (number - 1)
    if variance <= 0:
        return None
    error = sqrt(variance / number)
    return MeanScore(round(float(scores.total / number), SCORE_DIGITS), round(error, SCORE_DIGITS))


def may_compute(group: GroupSums, own: GroupSums, policy: Policy) -> bool:
    """Return True if a reference may be computed from a group of schools that has the school.

    The other schools are enough, none has more than half of their students, and the reference
    without the school may be shown.
    """
    others = group.without(own)
    students = sum(others.counts)
    return (
        others.schools >= MIN_OTHER_SCHOOLS
        and students >= MIN_OTHER_STUDENTS
        and max(others.largest, default=0) <= MAX_SHARE_OF_A_SCHOOL * students
        and may_compare(group.counts, own.counts, policy)
    )


def computed_reference(
    name: ReferenceName, sums: GroupSums, levels: Sequence[FigureLevel], policy: Policy
) -> Reference:
    """Return the reference of all students of a group."""
    students = sum(sums.counts)

    def share(counts: Sequence[int]) -> float:
        return round(sum(counts) / students, SHARE_DIGITS)

    def attaining(marks: Sequence[bool | None]) -> float | None:
        if None in marks:
            return None
        return share([count for count, mark in zip(sums.counts, marks, strict=True) if mark])

    return Reference(
        name,
        ReferenceKind.COMPUTED,
        shares=tuple(share([count]) for count in sums.counts),
        basic_literacy=attaining([level.attains_basic_literacy for level in levels]),
        final_objectives=attaining([level.attains_final_objectives for level in levels]),
        mean=mean_score(sums.scores, policy.minimum),
    )


def delivered_reference(
    values: Sequence[DeliveredValue], levels: Sequence[FigureLevel]
) -> Reference:
    """Return the reference of delivered values, which are about one reference and component.

    Shares need a value for every level.
    """
    by_level: Mapping[str, float] = {one.level: one.value for one in values if one.level}
    indicators = {one.indicator: one for one in values if one.indicator}
    has_all = all(level.code in by_level for level in levels)
    basic, final = indicators.get("basicLiteracy"), indicators.get("finalObjectives")
    mean = indicators.get("mean")
    return Reference(
        values[0].name,
        ReferenceKind.DELIVERED,
        shares=tuple(by_level[level.code] for level in levels) if has_all else None,
        basic_literacy=basic and basic.value,
        final_objectives=final and final.value,
        mean=None if mean is None else MeanScore(mean.value, mean.standard_error),
        students=max((one.students for one in values if one.students is not None), default=None),
    )
