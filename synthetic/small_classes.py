"""Small schools and small class groups next to large ones, for figures about few students."""

from typing import Final

from synthetic.random_draws import Draws

SMALL_SCHOOL: Final = 0.12
LARGEST_SMALL_SCHOOL: Final = 12
SPLIT_CLASS: Final = 0.45
LARGEST_SMALL_CLASS: Final = 6
SMALLEST_REST: Final = 3


def small_school_size(draws: Draws, size: int) -> int:
    """Return the number of students: for some schools from 1 to 12, for the others as it is."""
    return 1 + draws.below(LARGEST_SMALL_SCHOOL) if draws.chance(SMALL_SCHOOL) else size


def uneven_sizes(draws: Draws, sizes: list[int]) -> list[int]:
    """Return the sizes with some students in a small class group of their own.

    Schools have such groups for newcomers, for students with special needs (OV4), or as the rest
    of a mixed-grade class.
    """
    uneven = []
    for size in sizes:
        small = 1 + draws.below(LARGEST_SMALL_CLASS)
        is_split = draws.chance(SPLIT_CLASS) and size >= small + SMALLEST_REST
        uneven += [size - small, small] if is_split else [size]
    return uneven
