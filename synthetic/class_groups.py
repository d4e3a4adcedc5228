"""The class groups of a school: their number, sizes and names."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from synthetic.plan import DeliveryPlan
from synthetic.random_draws import Draws
from synthetic.schools import School, Site
from synthetic.small_classes import small_school_size, uneven_sizes

# Students per school as points (share of the schools, size at that share): means of 25 and 57.
Distribution = tuple[tuple[float, int], ...]
PRIMARY_SIZES: Final[Distribution] = (
    (0.0, 4),
    (0.1, 10),
    (0.25, 16),
    (0.5, 22),
    (0.75, 30),
    (0.9, 44),
    (0.98, 62),
    (1.0, 90),
)
SECONDARY_SIZES: Final[Distribution] = (
    (0.0, 8),
    (0.1, 19),
    (0.25, 32),
    (0.5, 53),
    (0.75, 76),
    (0.9, 104),
    (0.98, 150),
    (1.0, 215),
)
B_STREAM_ONLY: Final = 0.7  # relative size of a school with a B-stream only
# 65,536 divided by the golden ratio: consecutive schools are spread evenly over the distribution.
GOLDEN_STEP: Final = 40_503
SIZE_STEPS: Final = 65_536
MAX_CLASS_SIZES: Final = {"LO4": 24, "SO2A": 23, "SO2B": 15}
MIXED_AGE_BELOW: Final = 13
COLOURS: Final = ("geel", "blauw", "groen", "rood", "wit", "oranje")
COURSES: Final = ("MTa", "MTb", "STEM", "LATa", "EO", "MW", "KC", "SPORT")
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class ClassGroup:
    """A class group; `size` is its number of students with results in this school."""

    name: str
    target_group: str
    site: Site
    size: int


def form_class_groups(plan: DeliveryPlan, school: School) -> list[ClassGroup]:
    draws = plan.yearly_draws("classes", school.index)
    formed: list[tuple[str, str, int]] = []
    small = plan.yearly_draws("small classes", school.index)
    size = _school_size(plan, school)
    if plan.small_classes:
        size = small_school_size(small, size)
    for target_group, students in _split_over_streams(draws, school, size):
        largest = plan.students_per_class or MAX_CLASS_SIZES[target_group]
        sizes = _class_sizes(students, largest)
        if plan.small_classes:
            sizes = uneven_sizes(small, sizes)
        names = _class_names(draws, target_group, sizes)
        formed += [(name, target_group, size) for name, size in zip(names, sizes, strict=True)]
    return [
        ClassGroup(name, target_group, school.sites[place * len(school.sites) // len(formed)], size)
        for place, (name, target_group, size) in enumerate(formed)
    ]


def _school_size(plan: DeliveryPlan, school: School) -> int:
    if plan.students_per_school is not None:
        return plan.students_per_school
    start = plan.yearly_draws("sizes", 0).below(SIZE_STEPS)
    share = (start + school.ordinal * GOLDEN_STEP) % SIZE_STEPS / SIZE_STEPS
    size = _size_at(PRIMARY_SIZES if school.is_primary else SECONDARY_SIZES, share)
    return int(size * B_STREAM_ONLY) if school.target_groups == ("SO2B",) else size


def _size_at(distribution: Distribution, share: float) -> int:
    for (low, least), (high, most) in pairwise(distribution):
        if share < high:
            return int(least + (most - least) * (share - low) / (high - low) + 0.5)
    return distribution[-1][1]


def _split_over_streams(draws: Draws, school: School, size: int) -> list[tuple[str, int]]:
    """Return the students by target group; with two streams, 25 to 40 % are in the B-stream."""
    first, *others = school.target_groups
    if not others:
        return [(first, size)]
    second = int(size * (0.25 + 0.15 * draws.random()))
    return [(first, size - second), (others[0], second)]


def _class_sizes(students: int, largest: int) -> list[int]:
    count = -(-students // largest)  # rounded up
    return [students // count + (place < students % count) for place in range(count)]


def _class_names(draws: Draws, target_group: str, sizes: list[int]) -> list[str]:
    if target_group == "LO4":
        style, labels = _primary_naming(draws, sizes)
    else:
        style, labels = _secondary_naming(draws, target_group[-1], len(sizes))
    return [style.format(label) for label in labels[: len(sizes)]]


def _primary_naming(draws: Draws, sizes: list[int]) -> tuple[str, Sequence[str]]:
    if sizes[0] < MIXED_AGE_BELOW and len(sizes) == 1:
        return draws.pick(("4", "3/4", "L4", "4de leerjaar")), ("",)
    if len(sizes) <= len(COLOURS) and draws.chance(0.2):
        return draws.pick(("4 {}", "4de leerjaar {}")), COLOURS
    return draws.pick(("4{}", "4{}", "L4{}", "4 {}")), _letters(len(sizes))


def _secondary_naming(draws: Draws, stream: str, count: int) -> tuple[str, Sequence[str]]:
    if stream == "A" and count <= len(COURSES) and draws.chance(0.3):
        return "2{}", COURSES
    if draws.chance(0.5):
        return f"2{stream}{{}}", [str(place + 1) for place in range(count)]
    if stream == "A":
        return "2A{}", [letter.lower() for letter in _letters(count)]
    return "2BV{}", _letters(count)


def _letters(count: int) -> list[str]:
    return [ALPHABET[place % 26] + str(place // 26 or "") for place in range(count)]
