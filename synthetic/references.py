"""References as they are delivered: of Flanders, and of calculated similar schools."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

from synthetic.catalogue import COMPONENTS, LEVEL_MARKERS, LEVELS, Component
from synthetic.random_draws import Draws
from synthetic.results import ResultRow
from synthetic.schools import School

Row = tuple[str, ...]
SIMILAR_SPREAD: Final = 30
"""The largest number of students per thousand by which a share of similar schools differs."""
HUNDREDTHS: Final = 100


@dataclass
class LevelCounts:
    """The students of one component per level, and the sums of their scores in hundredths."""

    levels: Counter[str] = field(default_factory=Counter)
    total: int = 0
    squares: int = 0

    def add(self, row: ResultRow) -> None:
        score = int(row.scale_score.replace(".", ""))
        self.levels[row.level] += 1
        self.total += score
        self.squares += score * score


class ReferenceSums:
    """The sums of all schools of a delivery, from which its references follow."""

    def __init__(self) -> None:
        self._counts = {component.code: LevelCounts() for component in COMPONENTS}

    def add(self, rows: Iterable[ResultRow]) -> None:
        for row in rows:
            if row.level:
                self._counts[row.component].add(row)

    def of_flanders(self) -> Iterator[Row]:
        """Yield the rows of Flanders, for each component that somebody took."""
        for component in COMPONENTS:
            counts = self._counts[component.code]
            students = counts.levels.total()
            if students:
                shares = _shares([counts.levels[level] * 1000 // students for level in LEVELS])
                yield from _rows("", component, "flanders", shares, str(students))
                yield _mean(component, counts)

    def of_similar(self, draws: Draws, school: School) -> Iterator[Row]:
        """Yield the rows of the similar schools of a school, near those of Flanders."""
        for component in COMPONENTS:
            counts = self._counts[component.code]
            students = counts.levels.total()
            if component.target_group in school.target_groups and students:
                shift = draws.below(SIMILAR_SPREAD)
                per_mille = [counts.levels[level] * 1000 // students for level in LEVELS]
                moved = min(shift, per_mille[0])
                per_mille[0], per_mille[-1] = per_mille[0] - moved, per_mille[-1] + moved
                yield from _rows(school.number, component, "similar", _shares(per_mille), "")


def _shares(per_mille: list[int]) -> list[int]:
    """Return the shares per thousand, with what rounding left in the middle."""
    middle = len(per_mille) // 2
    per_mille[middle] += 1000 - sum(per_mille)
    return per_mille


def _rows(
    school: str, component: Component, reference: str, shares: list[int], students: str
) -> Iterator[Row]:
    key = school, component.code, reference
    for level, share in zip(LEVELS, shares, strict=True):
        yield (*key, level, "", _decimal(share), "", students)
    markers = LEVEL_MARKERS[component.level_scale]
    for place, indicator in enumerate(("basicLiteracy", "finalObjectives")):
        if markers[0][place]:
            attained = [
                share
                for share, marks in zip(shares, markers, strict=True)
                if marks[place] == "true"
            ]
            yield (*key, "", indicator, _decimal(sum(attained)), "", students)


def _mean(component: Component, counts: LevelCounts) -> Row:
    students = counts.levels.total()
    mean = counts.total / students
    deviation = sqrt(max(counts.squares / students - mean * mean, 0.0))
    values = f"{mean / HUNDREDTHS:.2f}", f"{deviation / sqrt(students) / HUNDREDTHS:.2f}"
    return ("", component.code, "flanders", "", "mean", *values, str(students))


def _decimal(per_mille: int) -> str:
    return f"{per_mille / 1000:.3f}"
