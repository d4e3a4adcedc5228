"""Who sits in the class groups: opaque ids, names, register numbers; a few are in two schools."""

import hashlib
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from synthetic.class_groups import ClassGroup, form_class_groups
from synthetic.draws import Draws
from synthetic.names import draw_name, load_name_pool
from synthetic.plan import DeliveryPlan
from synthetic.schools import School, draw_school, shared_pupil_source

ID_LENGTH: Final = 20
INSZ_MISSING: Final = 0.035
BIS_NUMBER: Final = 0.012
STAMNUMMER_MISSING: Final = 0.015
# Age reached in the year of the tests: the expected one, a year late, a year early, later still.
AGES: Final = {"LO4": (10, 11, 9, 12), "SO2A": (14, 15, 13, 16), "SO2B": (14, 15, 16, 17)}
AGE_SHARES: Final = {
    "LO4": tuple(accumulate((82, 14, 2, 2))),
    "SO2A": tuple(accumulate((82, 14, 1, 3))),
    "SO2B": tuple(accumulate((56, 34, 9, 1))),
}
MONTH_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTH_ENDS: Final = tuple(accumulate(MONTH_LENGTHS))
DAYS: Final = MONTH_ENDS[-1]
SERIALS: Final = 997
# Each school has this many register numbers per year of birth to itself, spread over the days by a
# step without a common factor: up to 3,790 primary and 1,624 secondary schools never share one.
PRIMARY_SLOTS: Final = 96
SECONDARY_SLOTS: Final = 224
SLOT_STEP: Final = 224_911


class Pupil(NamedTuple):
    """`insz` is empty for a pupil without a known number."""

    student: str
    family_name: str
    given_name: str
    insz: str


def pupils_of(
    plan: DeliveryPlan, school: School, groups: list[ClassGroup]
) -> Iterator[tuple[ClassGroup, Pupil]]:
    """The pupils whose results this school has, class group by class group."""
    draws = plan.yearly_draws("people", school.index)
    pool = load_name_pool(other_scripts=plan.other_scripts)
    seats = (group for group in groups for _ in range(group.size))
    for number, group in enumerate(seats):
        key = f"student:{plan.seed}:{plan.administration_id}:{school.index}:{number}"
        student = hashlib.sha256(key.encode()).hexdigest()[:ID_LENGTH]
        name = draw_name(draws, pool)
        insz = _draw_insz(draws, plan, school, number, group.target_group)
        yield group, Pupil(student, name.family, name.given, insz)


def shared_pupil(
    plan: DeliveryPlan, school: School, groups: list[ClassGroup]
) -> tuple[ClassGroup, Pupil] | None:
    """The pupil of an earlier school who is enrolled here too; the results stay with that school.

    The pupil is drawn anew from that school's own key, so nothing is carried between schools.
    """
    source_index = shared_pupil_source(school.index)
    if source_index is None:
        return None
    source = draw_school(plan, source_index)
    there, pupil = next(pupils_of(plan, source, form_class_groups(plan, source)))
    here = (group for group in groups if group.target_group == there.target_group)
    return next(((group, pupil) for group in here), None)


def stamnummers(plan: DeliveryPlan, school: School) -> Iterator[str]:
    """Unique in this school only: many schools begin at the same number. Empty for a few."""
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
    """Draws alike whether or not the number is known, so that later pupils stay as they are."""
    born = plan.year - AGES[target_group][draws.weighted(AGE_SHARES[target_group])]
    is_missing = draws.chance(INSZ_MISSING)
    month_shift = draws.pick((20, 40)) if draws.chance(BIS_NUMBER) else 0
    if is_missing:
        return ""
    slots = PRIMARY_SLOTS if school.is_primary else SECONDARY_SLOTS
    slot = school.ordinal * max(slots, plan.students_per_school or 0) + number
    day, serial = divmod((plan.seed + slot * SLOT_STEP) % (DAYS * SERIALS), SERIALS)
    month = next(place for place, end in enumerate(MONTH_ENDS) if day < end)
    day_of_month = day - MONTH_ENDS[month] + MONTH_LENGTHS[month] + 1
    nine = f"{born % 100:02d}{month + 1 + month_shift:02d}{day_of_month:02d}{serial + 1:03d}"
    return nine + insz_check(nine, born)


def insz_check(nine_digits: str, born_year: int) -> str:
    """97 minus the remainder of the nine by 97; a 2 stands in front for births from 2000."""
    counted = int(f"2{nine_digits}" if born_year >= 2000 else nine_digits)  # noqa: PLR2004 - the rule's year
    return f"{97 - counted % 97:02d}"
