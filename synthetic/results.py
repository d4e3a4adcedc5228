"""The results of the students: statuses, levels, scale scores and items."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from synthetic.catalogue import (
    COMPONENTS,
    LEVELS,
    Component,
    calibration_components,
    tested_components,
)
from synthetic.class_groups import ClassGroup
from synthetic.random_draws import Draws
from synthetic.schools import School

# Weights per thousand; an assigned calibration never has the last status, notAssigned.
STATUSES: Final = ("reported", "absent", "notCompleted", "exempt", "withheld", "notAssigned")
STATUS_WEIGHTS: Final = tuple(accumulate((958, 26, 8, 3, 2.5, 2.5)))
OUTCOMES: Final = ("ordinary", "exempt", "newcomer", "absent")
OUTCOME_WEIGHTS: Final = tuple(accumulate((956, 16, 12, 16)))
# Probability that a class group has rows for the components that were not assigned.
LIST_NOT_ASSIGNED: Final = 0.215
# Scale scores in hundredths: integers, so that rounding is the same on every machine.
MEAN: Final = 24_700
DEVIATION: Final = 5_300
LOWEST: Final = 3_000
HIGHEST: Final = 49_999
LEVEL_STARTS: Final = (17_500, 22_000, 27_000, 32_000)
STUDENT_WEIGHT: Final = 0.75
COMPONENT_WEIGHT: Final = 0.5
B_STREAM_SHIFT: Final = -0.45
ITEM_CHANCES: Final = (0.24, 0.41, 0.58, 0.75, 0.88)
ITEM_SLOPE: Final = 0.1  # the first item of a test is the easiest


class ResultRow(NamedTuple):
    """A row of results.csv; `level` and `scale_score` are empty unless the status is reported."""

    student: str
    component: str
    status: str
    level: str
    scale_score: str


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """The components and ability of a class group; `shift` is its mean in standard deviations."""

    tested: tuple[Component, ...]
    calibrations: tuple[Component, ...]
    lists_not_assigned: bool
    shift: float


def draw_group_profile(draws: Draws, school: School, group: ClassGroup) -> GroupProfile:
    return GroupProfile(
        tested=tested_components(group.target_group),
        calibrations=calibration_components(group.target_group),
        lists_not_assigned=draws.chance(LIST_NOT_ASSIGNED),
        shift=school.advantage + (B_STREAM_SHIFT if group.target_group == "SO2B" else 0.0),
    )


def draw_results(draws: Draws, profile: GroupProfile, student: str) -> list[ResultRow]:
    """Return the results of a student in the order of the components; one calibration at most."""
    outcome = OUTCOMES[draws.weighted(OUTCOME_WEIGHTS)]
    ability = profile.shift + STUDENT_WEIGHT * draws.normal()
    rows = []
    for component in profile.tested:
        status = _draw_status(draws, outcome, component)
        rows.append(_draw_row(draws, student, component, status, ability))
    if not profile.calibrations:
        return rows
    assigned = draws.pick(profile.calibrations)
    for component in profile.calibrations:
        if component is assigned:
            status = _draw_status(draws, outcome, component)
            rows.append(_draw_row(draws, student, component, status, ability))
        elif profile.lists_not_assigned:
            rows.append(ResultRow(student, component.code, "notAssigned", "", ""))
    return rows


def draw_items(draws: Draws, rows: Iterable[ResultRow]) -> list[tuple[str, str, str, str]]:
    """Return rows of item_results.csv for the reported results."""
    chance = draws.random
    return [
        (row.student, row.component, item, "1" if chance() < probability else "0")
        for row in rows
        if row.level
        for item, probability in _ITEMS[row.component, row.level]
    ]


def _draw_status(draws: Draws, outcome: str, component: Component) -> str:
    if outcome == "newcomer":
        outcome = "exempt" if component.subject == "nederlands" else "ordinary"
    if outcome != "ordinary":
        return outcome
    choices = len(STATUSES) - component.is_calibration
    return STATUSES[draws.weighted(STATUS_WEIGHTS[:choices])]


def _draw_row(
    draws: Draws, student: str, component: Component, status: str, ability: float
) -> ResultRow:
    if status != "reported":
        return ResultRow(student, component.code, status, "", "")
    score = MEAN + int(DEVIATION * (ability + COMPONENT_WEIGHT * draws.normal()))
    score = min(max(score, LOWEST), HIGHEST)
    level = LEVELS[bisect_right(LEVEL_STARTS, score)]
    return ResultRow(student, component.code, status, level, f"{score // 100}.{score % 100:02d}")


def _item_chances(component: Component, level: str) -> tuple[tuple[str, float], ...]:
    middle = (component.items - 1) / 2
    chance = ITEM_CHANCES[LEVELS.index(level)]
    return tuple(
        (str(item + 1), chance + ITEM_SLOPE * (middle - item) / middle)
        for item in range(component.items)
    )


_ITEMS: Final = {
    (component.code, level): _item_chances(component, level)
    for component in COMPONENTS
    for level in LEVELS
}
