"""The students of the class groups: codes, names, numbers; a few are enrolled in two schools."""

import hashlib
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from synthetic.class_groups import ClassGroup, form_class_groups
from synthetic.names import draw_name, load_name_pool
from synthetic.plan import DeliveryPlan
from synthetic.random_draws import Draws
from synthetic.schools import School, draw_school, shared_student_source

CODE_LENGTH: Final = 20
FROM_2000: Final = 2_000_000_000
INSZ_MISSING: Final = 0.035
BIS_NUMBER: Final = 0.012
STAMNUMMER_MISSING: Final = 0.015
# Age in the year of the tests: the expected one, a year older, a year younger, two years older.
AGES: Final = {"LO4": (10, 11, 9, 12), "SO2A": (14, 15, 13, 16), "SO2B": (14, 15, 16, 17)}
AGE_SHARES: Final = {
    "LO4": tuple(accumulate((82, 14, 2, 2))),
    "SO2A": tuple(accumulate((82, 14, 1, 3))),
    "SO2B": tuple(accumulate((56, 34, 9, 1))),
}
MONTH_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTH_ENDS: Final = tuple(accumulate(MONTH_LENGTHS))
DAYS: Final = MONTH_ENDS[-1]
SERIAL_NUMBERS: Final = 997
# Each school has this many INSZ numbers per year of birth, spread over the days by a step that is
# coprime with their number: up to 3,790 primary and 1,624 secondary schools share no number.
PRIMARY_SLOTS: Final = 96
SECONDARY_SLOTS: Final = 224
SLOT_STEP: Final = 224_911


class Student(NamedTuple):
    """A student; `insz` is empty for a student without a known number."""

    code: str
    family_name: str
    given_name: str
    insz: str


class Enrolment(NamedTuple):
    class_group: ClassGroup
    student: Student


def draw_students(
    plan: DeliveryPlan, school: School, groups: list[ClassGroup]
) -> Iterator[Enrolment]:
    """Yield the students with results in this school, by class group."""
    draws = plan.yearly_draws("people", school.index)
    pool = load_name_pool(other_scripts=plan.other_scripts)
    seats = (group for group in groups for _ in range(group.size))
    for number, group in enumerate(seats):
        key = f"student:{plan.seed}:{plan.administration_id}:{school.index}:{number}"
        code = hashlib.sha256(key.encode()).hexdigest()[:CODE_LENGTH]
        name = draw_name(draws, pool)
        insz = _draw_insz(draws, plan, school, number, group.target_group)
        yield Enrolment(group, Student(code, name.family, name.given, insz))


def shared_student(
    plan: DeliveryPlan, school: School, groups: list[ClassGroup]
) -> Enrolment | None:
    """Return the second enrolment of a student of an earlier school, which has the results.

    The student is drawn again with the key of that school, so no state is passed between schools.
    """
    source_index = shared_student_source(school.index)
    if source_index is None:
        return None
    source = draw_school(plan, source_index)
    first = next(draw_students(plan, source, form_class_groups(plan, source)))
    target_group = first.class_group.target_group
    same_target_group = (group for group in groups if group.target_group == target_group)
    return next((Enrolment(group, first.student) for group in same_target_group), None)


def draw_stamnummers(plan: DeliveryPlan, school: School) -> Iterator[str]:
    """Yield numbers that are unique in this school only; a few are empty."""
    draws = plan.yearly_draws("registration", school.index)
    starts = (plan.year - 1) % 100 * 100_000 + 1, 1 + draws.below(4_000), 10_000 * draws.below(90)
    number = starts[draws.weighted((60, 85, 100))]
    step = draws.pick((1, 1, 2))
    while True:
        yield "" if draws.chance(STAMNUMMER_MISSING) else f"{number:07d}"
        number += step


def _draw_insz(
    draws: Draws, plan: DeliveryPlan, school: School, number: int, target_group: str
) -> str:
    """Draw an INSZ; the number of draws is constant, so that later students do not change."""
    birth_year = plan.year - AGES[target_group][draws.weighted(AGE_SHARES[target_group])]
    is_missing = draws.chance(INSZ_MISSING)
    month_shift = draws.pick((20, 40)) if draws.chance(BIS_NUMBER) else 0
    if is_missing:
        return ""
    slots = PRIMARY_SLOTS if school.is_primary else SECONDARY_SLOTS
    slot = school.ordinal * max(slots, plan.students_per_school or 0) + number
    day, serial = divmod((plan.seed + slot * SLOT_STEP) % (DAYS * SERIAL_NUMBERS), SERIAL_NUMBERS)
    month = next(place for place, end in enumerate(MONTH_ENDS) if day < end)
    day_of_month = day - MONTH_ENDS[month] + MONTH_LENGTHS[month] + 1
    date_of_birth = f"{birth_year % 100:02d}{month + 1 + month_shift:02d}{day_of_month:02d}"
    nine_digits = f"{date_of_birth}{serial + 1:03d}"
    return nine_digits + insz_check_digits(nine_digits, birth_year)


def insz_check_digits(nine_digits: str, birth_year: int) -> str:
    """Return 97 minus the nine digits modulo 97, preceded by a 2 for a birth in or after 2000."""
    number = int(nine_digits) + (FROM_2000 if birth_year >= 2000 else 0)  # noqa: PLR2004 - the rule's year
    return f"{97 - number % 97:02d}"
