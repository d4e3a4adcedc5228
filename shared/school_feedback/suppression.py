"""Suppression: which figures about groups of students may be shown, as pure rules.

One predicate, `may_show`, is used four times: on each row, on the sum of the hidden rows, on the
students that changed since each earlier published version, and on a reference without the school.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hmac import digest
from itertools import combinations
from typing import Final, NamedTuple

HIDDEN: Final = ""
"""The cell of all students in hidden rows together; no class group has this name."""

Rank = Callable[[str], bytes]
"""The secret rank of a class group among the rows that can be hidden in addition to others."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The size that a set of students needs, and how many are at least outside its largest level.

    Without `shows_class_groups` there is no row but the school's.
    """

    minimum: int
    outside_largest: int = 1
    shows_class_groups: bool = True

    def with_minimum(self, minimum: int) -> "Policy":
        """Return the policy with a higher minimum; raise ValueError for one below 5."""
        if minimum < LOWEST_MINIMUM:
            raise ValueError(f"the minimum is {minimum}; it has to be {LOWEST_MINIMUM} or more")
        return replace(self, minimum=minimum)


LOWEST_MINIMUM: Final = 5
MAX_JOINED_ROWS: Final = 8
"""The rows between which students may have moved from one version to the next."""
KNOWN: Final = Policy(minimum=5)
"""For levels that the school knows from the fiches."""
SEALED: Final = Policy(minimum=10, outside_largest=2, shows_class_groups=False)
"""For calibrations: nobody at the school knows the level of a student."""


class Member(NamedTuple):
    """The class group of a student with a level, and the place of that level, from 0 up."""

    class_group: str
    level: int


@dataclass(frozen=True, slots=True)
class Table:
    """The students of a school with a level of one component, and the class groups of the rows.

    Students and class groups are known by their ids.
    """

    class_groups: frozenset[str]
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as published: the rows of `shown` class groups, and the school's if `shows_school`.

    Without `has_late_corrections` the table is that of an earlier version.
    """

    table: Table
    shown: frozenset[str]
    shows_school: bool
    has_late_corrections: bool = True

    @property
    def hidden(self) -> frozenset[str]:
        return self.table.class_groups - self.shown


def may_show(counts: Iterable[int], policy: Policy) -> bool:
    """Return True if a set of students may be shown by its counts per level.

    The set has enough students, and they are not all in one level: at least so many are outside
    the largest level as the policy requires.
    """
    numbers = list(counts)
    students = sum(numbers)
    outside_largest = students - max(numbers, default=0)
    return students >= policy.minimum and outside_largest >= policy.outside_largest


def may_compare(reference: Sequence[int], own: Sequence[int], policy: Policy) -> bool:
    """Return True if the students of a reference that are not the school's may be shown."""
    others = [whole - part for whole, part in zip(reference, own, strict=True)]
    return min(others, default=0) >= 0 and may_show(others, policy)


def secret_rank(key: bytes, codes: Iterable[str]) -> bytes:
    """Return the rank of a class group by the delivered codes of its students with a level.

    Without the key no reader can compute it. An order that readers know, of sizes or names, would
    let them derive why a row is hidden, and from the reason its counts.
    """
    return digest(key, "\x1f".join(sorted(codes)).encode(), "sha256")


def suppress(
    table: Table, published: Sequence[PublishedTable], policy: Policy, rank: Rank
) -> PublishedTable:
    """Return what to publish of a table, after all versions that were `published` before it.

    A later version shows and hides the same rows as the earlier ones, so that no row follows from
    a subtraction of versions. If it cannot, or if too few students changed since any of them, the
    latest version stays.
    """
    earlier = [one for one in published if one.shows_school]
    if not earlier:
        return _hide_rows(table, policy, rank)
    candidate = _keep_rows(table, earlier, policy)
    is_safe = candidate.shown <= table.class_groups and all(
        may_show(counts.values(), policy) for counts in cells_of(candidate, policy).values()
    )
    if is_safe and all(may_follow(candidate, one, policy) for one in earlier):
        return candidate
    return replace(earlier[-1], has_late_corrections=False)


def cells_of(published: PublishedTable, policy: Policy) -> dict[str | None, Counter[int]]:
    """Return the students per level of each set that a reader can compute from a table.

    These are the school (None), each shown row, and all hidden rows together (`HIDDEN`).
    """
    cells: dict[str | None, Counter[int]] = {None: Counter()}
    if policy.shows_class_groups:
        cells |= {name: Counter() for name in published.shown}
        cells |= {HIDDEN: Counter()} if published.hidden else {}
    for member in published.table.members.values():
        cells[None][member.level] += 1
        if policy.shows_class_groups:
            cells[_cell(published, member)][member.level] += 1
    return cells


def may_follow(later: PublishedTable, earlier: PublishedTable, policy: Policy) -> bool:
    """Return True if the difference of two versions may be shown, in each set of students.

    The students that left a set, or changed their level in it, and those that entered it are each
    none at all, or may be shown. The sets are the school, each row, the hidden rows together, and
    any of these joined between which students moved: a move is no change of their sum.
    """
    changes = _changes(later, earlier, policy)
    rows = {place.class_group for change in changes for place in change if place}
    moves = [{one.class_group for one in change if one} for change in changes]
    joined = frozenset().union(*(move for move in moves if len(move) > 1))
    if len(joined) > MAX_JOINED_ROWS:
        return False
    several = (
        frozenset(some)
        for size in range(2, len(joined) + 1)
        for some in combinations(sorted(joined), size)
    )
    sets = (frozenset(rows), *(frozenset({row}) for row in rows), *several)
    return all(_may_change(changes, some, policy) for some in sets)


def _changes(
    later: PublishedTable, earlier: PublishedTable, policy: Policy
) -> list[tuple[Member | None, Member | None]]:
    """Return the cells and levels, before and after, of the students that changed any of them."""
    tables = earlier.table.members, later.table.members
    pairs = (
        (
            _place(earlier, tables[0].get(student), policy),
            _place(later, tables[1].get(student), policy),
        )
        for student in tables[0].keys() | tables[1].keys()
    )
    return [(before, after) for before, after in pairs if before != after]


def _may_change(
    changes: Iterable[tuple[Member | None, Member | None]], rows: frozenset[str], policy: Policy
) -> bool:
    left, entered = Counter[int](), Counter[int]()
    for before, after in changes:
        was_in = before is not None and before.class_group in rows
        is_in = after is not None and after.class_group in rows
        if before and was_in and not (after and is_in and after.level == before.level):
            left[before.level] += 1
        if after and is_in and not (before and was_in and after.level == before.level):
            entered[after.level] += 1
    return all(may_show(counts.values(), policy) for counts in (left, entered) if counts)


def _place(published: PublishedTable, member: Member | None, policy: Policy) -> Member | None:
    """Return the cell of a student, and the level; without class groups the school is one cell."""
    if member is None:
        return None
    cell = _cell(published, member) if policy.shows_class_groups else HIDDEN
    return Member(cell, member.level)


def _cell(published: PublishedTable, member: Member) -> str:
    return member.class_group if member.class_group in published.shown else HIDDEN


def _hide_rows(table: Table, policy: Policy, rank: Rank) -> PublishedTable:
    """Hide the rows that may not be shown, and one more if their sum may not be shown either.

    That is the one of the lowest rank. One is enough: with a part that may be shown, a set may be
    shown too.
    """
    everything = PublishedTable(table, table.class_groups, shows_school=True)
    rows = cells_of(everything, policy)
    school = rows.pop(None)
    if not may_show(school.values(), policy):
        return PublishedTable(table, frozenset(), shows_school=False)
    shown = {str(name) for name, counts in rows.items() if may_show(counts.values(), policy)}
    hidden = sum((rows[name] for name in rows.keys() - shown), Counter[int]())
    if shown and len(shown) < len(rows) and not may_show(hidden.values(), policy):
        shown.remove(min(shown, key=rank))
    return PublishedTable(table, frozenset(shown), shows_school=True)


def _keep_rows(table: Table, earlier: Sequence[PublishedTable], policy: Policy) -> PublishedTable:
    """Show the rows that were shown, and those of new class groups that may be shown."""
    is_old = frozenset[str]().union(*(one.table.class_groups for one in earlier))
    rows = cells_of(PublishedTable(table, table.class_groups, shows_school=True), policy)
    new = {
        str(name)
        for name, counts in rows.items()
        if name is not None and name not in is_old and may_show(counts.values(), policy)
    }
    return PublishedTable(table, earlier[-1].shown | new, shows_school=True)
