"""A correction of a synthetic delivery: some results of some students change."""

from collections.abc import Iterator
from typing import Final

from synthetic.catalogue import LEVELS
from synthetic.class_groups import form_class_groups
from synthetic.plan import DeliveryPlan
from synthetic.random_draws import Draws
from synthetic.results import ResultRow, draw_group_profile, draw_results
from synthetic.schools import draw_school
from synthetic.students import draw_students

CORRECTED_SCHOOL: Final = 0.3
CORRECTED_RESULT: Final = 0.06
ABSENT_AFTER_ALL: Final = 0.3


def corrected_rows(plan: DeliveryPlan, index: int) -> Iterator[ResultRow]:
    """Yield the changed results of a school; most schools have none."""
    draws = plan.yearly_draws(f"correction {plan.sequence}", index)
    if not draws.chance(CORRECTED_SCHOOL):
        return
    school = draw_school(plan, index)
    groups = form_class_groups(plan, school)
    results = plan.yearly_draws("results", school.index)
    profiles = {group.name: draw_group_profile(results, school, group) for group in groups}
    for enrolment in draw_students(plan, school, groups):
        profile = profiles[enrolment.class_group.name]
        for row in draw_results(results, profile, enrolment.student.code):
            if row.status in {"reported", "absent"} and draws.chance(CORRECTED_RESULT):
                yield _corrected(draws, row)


def _corrected(draws: Draws, row: ResultRow) -> ResultRow:
    if draws.chance(ABSENT_AFTER_ALL):
        return ResultRow(row.student, row.component, "absent", "", "")
    level = draws.below(len(LEVELS))
    return ResultRow(
        row.student, row.component, "reported", LEVELS[level], f"{180 + 40 * level}.00"
    )
