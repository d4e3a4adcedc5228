"""Tables from results: the same rows are shown whatever ids an instance gave."""

from functools import partial
from itertools import count

import pytest

from shared.school_feedback.component_tables import component_table
from shared.school_feedback.facts import ComponentFacts, ResultFacts
from shared.school_feedback.figures import FigureLevel
from shared.school_feedback.suppression import KNOWN, suppress
from tests.school_feedback.suppressing import KEY

LEVELS = tuple(FigureLevel(code, code, place) for place, code in enumerate("EDC", start=1))
COMPONENT = ComponentFacts(
    id=1,
    code="LEZ4",
    name="Lezen",
    subject="nederlands",
    position=1,
    is_calibration=False,
    levels=LEVELS,
    level_ids=(7, 8, 9),
)
LARGE = [f"4{letter}" for letter in "BCDEFGH"]


def results(year: int, first_id: int) -> list[ResultFacts]:
    """Return the results of a class group of three and of seven large ones, by year."""
    ids = map(str, count(first_id))
    names = {name: f"{first_id}-{name}" for name in ("4A", *LARGE)}
    sizes = {"4A": 3} | dict.fromkeys(LARGE, 8)
    return [
        ResultFacts(
            next(ids), f"{year}-{name}-{place}", names[name], "reported", 7 + place % 3, None
        )
        for name, size in sizes.items()
        for place in range(size)
    ]


def hidden(year: int, first_id: int = 1, key: bytes = KEY) -> set[str]:
    found = component_table(COMPONENT, results(year, first_id))
    published = suppress(found.table, (), KNOWN, partial(found.rank, key))
    return {name.rpartition("-")[2] for name in published.hidden}


@pytest.mark.parametrize("year", range(10))
def test_two_instances_hide_the_same_row_in_addition(year: int) -> None:
    assert len(hidden(year)) == 2
    assert hidden(year, first_id=1) == hidden(year, first_id=1_000)


def test_the_choice_depends_on_the_key_and_on_the_students() -> None:
    by_year = [hidden(year) for year in range(10)]
    assert [hidden(year, key=KEY[::-1] + b"x") for year in range(10)] != by_year
    assert len(set(map(frozenset, by_year))) > 1
