"""An attacker with all that is published derives no hidden count, unless a rule is switched off.

The environment variable `SCHOOLS` sets the number of small schools; `make disclosure` tries ten
thousand.
"""

import os
from collections.abc import Sequence

import pytest

from shared.school_feedback.suppression import KNOWN, Member, Table, may_show
from tests.disclosure.attacker import Derivation, derive
from tests.disclosure.small_schools import (
    LEVELS,
    SmallSchool,
    counts_of_group,
    small_school,
    table_of,
)
from tests.school_feedback.suppressing import suppress

SCHOOLS = int(os.environ.get("SCHOOLS", "60"))
PER_TEST = 20
OTHERS = (50,) * LEVELS


def derived(school: SmallSchool, seed: int = 0, **rules: bool) -> list[Derivation]:
    """Return what a student of the school derives; the seed chooses the student."""
    students = sorted(school.versions[0].members)
    own = students[seed % len(students)] if students else None
    return list(derive(school, school.publish(**rules), own))


def school_of(*versions: Table) -> SmallSchool:
    return SmallSchool(KNOWN, versions, OTHERS)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, SCHOOLS, PER_TEST))
def test_no_hidden_count_can_be_derived(first: int) -> None:
    found = {
        seed: derivations
        for seed in range(first, min(first + PER_TEST, SCHOOLS))
        if (derivations := derived(small_school(seed), seed))
    }
    assert not found


def test_without_further_hidden_rows_counts_are_derived() -> None:
    found = [derived(small_school(seed), seed, is_complete=False) for seed in range(40)]
    assert sum(map(bool, found)) >= 3


def test_without_looking_at_earlier_versions_changes_are_derived() -> None:
    found = [derived(small_school(seed), seed, by_version=False) for seed in range(40)]
    assert sum(map(bool, found)) >= 5


KNOWN_CASES = {
    "zeros that close an equation": ((0, 0, 7, 1, 0), (0, 0, 4, 0, 0), (0, 3, 2, 1, 0)),
    "two ones": ((1, 0, 0, 0, 0), (0, 0, 0, 1, 0), (2, 3, 4, 1, 0), (0, 4, 4, 2, 1)),
    "three singletons": (
        (1, 0, 0, 0, 0),
        (0, 1, 0, 0, 0),
        (0, 0, 0, 1, 0),
        (3, 3, 2, 1, 0),
        (1, 4, 3, 2, 0),
    ),
    "all in one level": ((0, 0, 12, 0, 0), (2, 3, 4, 1, 0), (0, 4, 4, 2, 1)),
}


@pytest.mark.parametrize("case", KNOWN_CASES)
@pytest.mark.parametrize("student", range(4))
def test_a_known_attack_derives_nothing(case: str, student: int) -> None:
    assert derived(school_of(table_of(*KNOWN_CASES[case])), student) == []


@pytest.mark.parametrize("case", ["two ones", "three singletons", "all in one level"])
def test_a_known_attack_succeeds_without_further_hidden_rows(case: str) -> None:
    assert derived(school_of(table_of(*KNOWN_CASES[case])), is_complete=False)


def test_one_late_student_is_in_no_second_version() -> None:
    before = table_of((2, 3, 4, 1, 0), (0, 4, 4, 2, 1))
    students = dict(before.members)
    late = students.popitem()
    school = school_of(Table(before.class_groups, students), before)
    assert late[0] not in students
    assert derived(school) == []
    assert derived(school, by_version=False)
    first, second = school.publish()
    assert (second.table, second.has_late_corrections) == (first.table, False)


def test_a_move_between_rows_hides_no_change_of_their_sum() -> None:
    """Four students move from 1A to 2A, one leaves 1A, one enters 2A, and 3A changes separately."""
    first = table_of((4, 4, 4, 1, 0), (4, 4, 4, 0, 0), (4, 4, 4, 0, 0))
    students = dict(first.members)
    of_group = {
        group: [one for one, member in first.members.items() if member.class_group == group]
        for group in first.class_groups
    }
    for student in (of_group["1A"][0], of_group["1A"][4], of_group["1A"][5], of_group["1A"][8]):
        students[student] = students[student]._replace(class_group="2A")
    del students[of_group["1A"][-1]]
    students["1"] = Member("2A", 4)
    for number, student in enumerate(of_group["3A"][:6]):
        students[student] = Member("3A", (number % 2) + 2)
    second = Table(first.class_groups, students)
    assert derived(school_of(first, second), by_version=False)
    assert derived(school_of(first, second)) == []


def test_the_row_that_is_hidden_in_addition_is_chosen_without_regard_to_its_size() -> None:
    """With the smallest one, a student at level 3 of the second row derives all of the first.

    It is all in one level, or else the second row would be larger than one that is shown.
    """
    hidden = {
        name
        for size in range(5, 25)
        for name in suppress(
            table_of((12, 0, 0, 0, 0), (0, 1, 1, 2, size), (2, 1, 1, 1, 0)), [], KNOWN
        ).hidden
    }
    assert hidden == {"1A", "2A", "3A"}


@pytest.mark.parametrize("seed", range(10))
def test_a_row_is_hidden_only_for_a_reason(seed: int) -> None:
    for table in small_school(seed).versions[:1]:
        published = suppress(table, [], KNOWN)
        rows = {group: counts_of_group(table, group) for group in table.class_groups}
        fine = [one for one in published.hidden if may_show(rows[one], KNOWN)]
        if published.shows_school:
            assert len(fine) <= 1
            rest = sum_of([rows[one] for one in published.hidden if one not in fine])
            assert not fine or not may_show(rest, KNOWN)


def sum_of(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(row[level] for row in rows) for level in range(LEVELS)]
