"""Suppression on the counter-examples that undo the redaction of single cells."""

from collections.abc import Mapping
from itertools import count

import pytest

from shared.school_feedback.suppression import (
    KNOWN,
    SEALED,
    Member,
    Policy,
    PublishedTable,
    Table,
    cells_of,
    may_compare,
    may_show,
)
from tests.school_feedback.suppressing import suppress

Rows = Mapping[str, tuple[int, ...]]
NUMBERS = count()


def table(**rows: tuple[int, ...]) -> Table:
    """Return a table of new students, by class group and place of the level."""
    members = {
        str(next(NUMBERS)): Member(name, place)
        for name, counts in rows.items()
        for place, number in enumerate(counts)
        for _ in range(number)
    }
    return Table(frozenset(rows), members)


def changed(before: Table, **rows: tuple[int, ...]) -> Table:
    """Return the table with new students added."""
    added = table(**rows)
    return Table(before.class_groups | added.class_groups, {**before.members, **added.members})


def moved(before: Table, number: int, source: Member, target: Member) -> Table:
    """Return the table with so many students of one place at another one."""
    students = [student for student, place in before.members.items() if place == source][:number]
    assert len(students) == number
    return Table(before.class_groups, {**before.members, **dict.fromkeys(students, target)})


def shown(rows: Rows, policy: Policy = KNOWN) -> set[str]:
    return set(suppress(table(**rows), (), policy).shown)


@pytest.mark.parametrize(
    ("counts", "is_known_shown", "is_sealed_shown"),
    [
        ((), False, False),
        ((4, 0, 0), False, False),
        ((2, 2, 0), False, False),
        ((5, 0, 0), False, False),
        ((4, 1, 0), True, False),
        ((30, 0, 0), False, False),
        ((29, 1, 0), True, False),
        ((28, 2, 0), True, True),
        ((8, 2, 0), True, True),
        ((7, 2, 0), True, False),
    ],
)
def test_a_set_needs_enough_students_that_are_not_all_in_one_level(
    counts: tuple[int, ...], *, is_known_shown: bool, is_sealed_shown: bool
) -> None:
    assert may_show(counts, KNOWN) is is_known_shown
    assert may_show(counts, SEALED) is is_sealed_shown


def test_a_minimum_is_raised_and_never_lowered() -> None:
    assert not may_show((4, 4), KNOWN.with_minimum(9))
    with pytest.raises(ValueError, match="5 or more"):
        KNOWN.with_minimum(4)


def test_a_visible_table_hides_nothing() -> None:
    assert shown({"4A": (3, 4), "4B": (1, 9)}) == {"4A", "4B"}


def test_one_hidden_row_takes_another_with_it() -> None:
    rows = {"4A": (2, 1), "4B": (5, 5), "4C": (8, 8)}
    assert shown(rows) in ({"4B"}, {"4C"})


def test_two_ones_are_hidden_with_as_many_rows_as_their_sum_needs() -> None:
    rows = {"4A": (1, 0), "4B": (0, 1), "4C": (4, 3), "4D": (9, 9)}
    assert shown(rows) in ({"4C"}, {"4D"})


def test_three_singletons_are_still_too_few() -> None:
    rows = {"4A": (1, 0), "4B": (1, 0), "4C": (1, 0), "4D": (6, 6), "4E": (7, 7)}
    assert shown(rows) in ({"4D"}, {"4E"})


def test_hidden_rows_that_are_enough_together_hide_no_other() -> None:
    assert shown({"4A": (2, 1), "4B": (0, 4), "4C": (8, 8)}) == {"4C"}


def test_zeros_do_not_close_an_equation() -> None:
    """Both hidden rows are at one level: their sum would show the level of every student."""
    rows = {"4A": (3, 0, 0), "4B": (4, 0, 0), "4C": (5, 5, 5), "4D": (6, 6, 6)}
    assert shown(rows) in ({"4C"}, {"4D"})


def test_a_class_group_at_one_level_is_hidden_whatever_its_size() -> None:
    assert shown({"4A": (0, 20), "4B": (9, 9), "4C": (10, 10)}) in ({"4B"}, {"4C"})


def test_a_class_group_without_any_level_is_hidden_like_others() -> None:
    assert shown({"4A": (0, 0), "4B": (9, 9), "4C": (10, 10)}) in ({"4B"}, {"4C"})


def test_all_class_rows_are_hidden_when_nothing_less_is_enough() -> None:
    assert shown({"4A": (1, 0), "4B": (9, 9)}) == set()


@pytest.mark.parametrize("rows", [{"4A": (2, 2)}, {"4A": (6, 0), "4B": (7, 0)}])
def test_a_table_that_may_not_be_shown_shows_nothing(rows: Rows) -> None:
    published = suppress(table(**rows), (), KNOWN)
    assert not published.shows_school
    assert not published.shown


def test_calibrations_have_no_class_rows() -> None:
    published = suppress(table(**{"2A": (9, 9), "2B": (9, 9)}), (), SEALED)
    assert published.shows_school
    assert not published.shown
    assert set(cells_of(published, SEALED)) == {None}


def test_one_late_student_leaves_the_table_as_it_was() -> None:
    first = suppress(table(**{"4A": (3, 4), "4B": (9, 9)}), (), KNOWN)
    late = changed(first.table, **{"4A": (0, 1)})
    second = suppress(late, [first], KNOWN)
    assert not second.has_late_corrections
    assert second.table == first.table


def test_several_late_students_at_different_levels_are_included() -> None:
    first = suppress(table(**{"4A": (3, 4), "4B": (9, 9)}), (), KNOWN)
    late = changed(first.table, **{"4A": (2, 3)})
    second = suppress(late, [first], KNOWN)
    assert second.has_late_corrections
    assert second.table == late


@pytest.mark.parametrize("added", [(0, 5), (2, 2)])
def test_late_students_at_one_level_or_too_few_are_not_included(added: tuple[int, int]) -> None:
    first = suppress(table(**{"4A": (3, 4), "4B": (9, 9)}), (), KNOWN)
    assert not suppress(changed(first.table, **{"4A": added}), [first], KNOWN).has_late_corrections


def test_students_that_change_their_level_leave_one_and_enter_another() -> None:
    first = suppress(table(**{"4A": (9, 9), "4B": (9, 9)}), (), KNOWN)
    five = moved(first.table, 5, Member("4A", 0), Member("4A", 1))
    assert not suppress(five, [first], KNOWN).has_late_corrections
    both = moved(five, 5, Member("4A", 1), Member("4A", 0))
    mixed = moved(both, 3, Member("4A", 0), Member("4A", 1))
    assert not suppress(mixed, [first], KNOWN).has_late_corrections


def test_every_earlier_version_counts_and_not_only_the_latest() -> None:
    """The third version differs much from the second one, and by one student from the first."""
    first = suppress(table(**{"4A": (9, 9), "4B": (9, 9)}), (), KNOWN)
    second = suppress(changed(first.table, **{"4A": (3, 3)}), [first], KNOWN)
    assert second.has_late_corrections
    third = changed(first.table, **{"4A": (0, 1)})
    assert not suppress(third, [first, second], KNOWN).has_late_corrections
    assert suppress(third, [second], KNOWN).has_late_corrections is False
    back = suppress(first.table, [first, second], KNOWN)
    assert back.has_late_corrections


def test_changes_of_few_students_in_several_class_groups_are_not_included() -> None:
    """The school could show them; the rows of the class groups would show one student each."""
    first = suppress(table(**{"4A": (9, 9), "4B": (9, 9), "4C": (9, 9)}), (), KNOWN)
    late = changed(first.table, **{"4A": (1, 1), "4B": (1, 1), "4C": (1, 1)})
    assert not suppress(late, [first], KNOWN).has_late_corrections


def test_a_hidden_row_stays_hidden_in_later_versions() -> None:
    """Otherwise the earlier sum of the hidden rows, less what is shown now, is a hidden row."""
    first = suppress(table(**{"4A": (2, 1), "4B": (5, 5), "4C": (8, 8)}), (), KNOWN)
    late = changed(first.table, **{"4A": (4, 4)})
    second = suppress(late, [first], KNOWN)
    assert second.has_late_corrections
    assert second.shown == first.shown
    assert len(first.shown) == 1
    assert suppress(late, (), KNOWN).shown == {"4A", "4B", "4C"}


def test_a_row_that_was_shown_is_not_hidden_later() -> None:
    first = suppress(table(**{"4A": (3, 3), "4B": (9, 9)}), (), KNOWN)
    assert first.shown == {"4A", "4B"}
    fewer = {
        student: member
        for student, member in first.table.members.items()
        if member.class_group == "4B"
    }
    second = suppress(Table(first.table.class_groups, fewer), [first], KNOWN)
    assert not second.has_late_corrections
    assert second.table == first.table


def test_a_new_class_group_is_shown_if_it_may_be() -> None:
    first = suppress(table(**{"4A": (9, 9), "4B": (9, 9)}), (), KNOWN)
    late = changed(first.table, **{"4C": (4, 4)})
    assert suppress(late, [first], KNOWN).shown == {"4A", "4B", "4C"}
    few = changed(first.table, **{"4C": (2, 1)})
    assert not suppress(few, [first], KNOWN).has_late_corrections


def test_a_hidden_table_is_no_earlier_version() -> None:
    first = suppress(table(**{"4A": (2, 2)}), (), KNOWN)
    second = suppress(changed(first.table, **{"4A": (0, 1)}), [first], KNOWN)
    assert second.has_late_corrections
    assert second.shows_school


def test_a_reference_without_the_school_is_a_set_of_students_too() -> None:
    assert may_compare((20, 30), (10, 10), KNOWN)
    assert not may_compare((10, 14), (10, 10), KNOWN)
    assert not may_compare((10, 30), (10, 10), KNOWN)
    assert not may_compare((9, 30), (10, 10), KNOWN)


def test_no_reader_computes_a_set_that_may_not_be_shown() -> None:
    published: list[PublishedTable] = []
    found = table(**{"4A": (3, 4, 1), "4B": (0, 2, 0), "4C": (9, 5, 2)})
    for number in range(6):
        published.append(suppress(found, published, KNOWN))
        for counts in cells_of(published[-1], KNOWN).values():
            assert may_show(counts.values(), KNOWN)
        found = changed(found, **{"4A": (number, 1, 0), "4C": (1, number, number)})
