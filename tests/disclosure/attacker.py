"""An attacker who reads all that is published of a component, and solves for the rest.

An integer program has the hidden counts as unknowns, and all that is known as constraints: the
figures, the reference, the rules of suppression, and the level of one student. A count is derived
if it is the same in every solution: if its minimum equals its maximum.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import highspy
import numpy as np
from highspy.highs import highs_linear_expression, highs_var

from shared.school_feedback.suppression import (
    Member,
    Policy,
    PublishedTable,
    Table,
    may_show,
)
from tests.disclosure.small_schools import (
    LEVELS,
    Counts,
    SmallSchool,
    counts_of_group,
    counts_of_levels,
)

Solution = dict[str, np.ndarray[tuple[int], np.dtype[np.int_]]]
"""The students of each class group, by level."""

_MANY = 99
"""More students than a small school has."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """What follows exactly from the figures of a version; versions count from 0."""

    version: int
    what: str


class Program:
    """The integer program of one version: the students of each class group at each level.

    The first version `knows_rules`: in later ones, rows are shown and hidden as in the first.
    """

    def __init__(
        self,
        published: PublishedTable,
        school: SmallSchool,
        student: Member | None,
        *,
        knows_rules: bool,
    ) -> None:
        self._table, self._policy, self._student = published.table, school.policy, student
        self._groups = sorted(published.table.class_groups)
        self._hidden = [group for group in self._groups if group not in published.shown]
        self._solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]  # the package has no types
        self._solver.silent()
        self._counts = {
            group: [self._solver.addIntegral(0, _MANY) for _ in range(LEVELS)]
            for group in self._groups
        }
        self._solutions: list[Solution] = []
        self._know_figures(published)
        self._know_reference(school.others)
        if student:
            self._add(self._counts[student.class_group][student.level] >= 1)
        if knows_rules and school.policy.shows_class_groups:
            self._know_rules()

    def derive(self) -> Iterator[str]:
        """Yield the hidden rows of which a count or the size is the same in every solution.

        A level at which the hidden rows have no other student is known from the rows that are
        shown: nobody can hide it but by hiding the school.
        """
        if not self._policy.shows_class_groups:
            return
        rows = {group: counts_of_group(self._table, group) for group in self._hidden}
        together = [sum(counts) for counts in zip(*rows.values(), strict=True)]
        if self._hidden and not may_show(together, self._policy):
            yield f"hidden rows together: {together}"
        if self._student and self._student.class_group in rows:
            together[self._student.level] -= 1
        for group, counts in rows.items():
            if self._is_fixed(group, [*range(LEVELS)], sum(counts)):
                yield f"size of {group}: {sum(counts)}"
            for level, count in enumerate(counts):
                if together[level] and self._is_fixed(group, [level], count):
                    yield f"{group} at level {level}: {count}"

    def _know_figures(self, published: PublishedTable) -> None:
        """Add the rows that are shown, among which is the school's."""
        school = counts_of_levels(published.table.members.values())
        for level, count in enumerate(school):
            self._add(self._sum(self._groups, [level]) == count)
        for group in published.shown:
            for level, count in enumerate(counts_of_group(published.table, group)):
                self._add(self._counts[group][level] == count)

    def _know_reference(self, others: Counts) -> None:
        """Add the reference, of which the school's students and unknown others are part."""
        school = counts_of_levels(self._table.members.values())
        for level, count in enumerate(others):
            rest = self._solver.addIntegral(0, _MANY)
            self._add(self._sum(self._groups, [level]) + rest == school[level] + count)

    def _know_rules(self) -> None:
        """Add why rows are hidden: each may not be shown, but for one at most.

        That one is hidden because all the others together may not be shown.
        """
        fails = {group: self._fails([group]) for group in self._hidden}
        for group, fault in fails.items():
            self._add(self._sum([group]) >= self._policy.minimum * (1 - fault))
            for level in range(LEVELS):
                others = [one for one in range(LEVELS) if one != level]
                self._add(self._sum([group], others) >= self._policy.outside_largest * (1 - fault))
            rest = [one for one in self._hidden if one != group]
            self._add(self._fails(rest) + fault >= 1)
        if fails:
            enough = max(len(fails) - 1, 1)
            self._add(self._solver.qsum(fails.values()) >= enough)

    def _fails(self, groups: Sequence[str]) -> highs_var:
        """Return an unknown that can be 1 only if these students together may not be shown."""
        reasons = [self._solver.addBinary() for _ in range(LEVELS + 1)]
        self._add(
            self._sum(groups) <= self._policy.minimum - 1 + _MANY * LEVELS * (1 - reasons[LEVELS])
        )
        for level in range(LEVELS):
            others = [one for one in range(LEVELS) if one != level]
            most = self._policy.outside_largest - 1
            self._add(self._sum(groups, others) <= most + _MANY * LEVELS * (1 - reasons[level]))
        fault: highs_var = self._solver.addBinary()
        self._add(fault <= self._solver.qsum(reasons))
        return fault

    def _is_fixed(self, group: str, levels: list[int], count: int) -> bool:
        """Return True if every solution has this count of students, which the true one has."""
        if any(solution[group][levels].sum() != count for solution in self._solutions):
            return False
        wanted = self._sum([group], levels)
        return all(
            self._solve(optimize, wanted)[group][levels].sum() == count
            for optimize in (self._solver.maximize, self._solver.minimize)
        )

    def _solve(
        self, optimize: Callable[[highs_linear_expression], object], wanted: highs_linear_expression
    ) -> Solution:
        optimize(wanted)
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise AssertionError("the truth is a solution, so that there is an optimal one")
        values = np.rint(self._solver.getSolution().col_value).astype(int)
        found = {
            group: values[[one.index for one in counts]] for group, counts in self._counts.items()
        }
        self._solutions.append(found)
        return found

    def _sum(
        self, groups: Sequence[str], levels: Sequence[int] = range(LEVELS)
    ) -> highs_linear_expression:
        unknowns = (self._counts[group][level] for group in groups for level in levels)
        found: highs_linear_expression = self._solver.qsum(unknowns)
        return found

    def _add(self, constraint: highs_linear_expression) -> None:
        self._solver.addConstr(constraint)


def derive(
    school: SmallSchool, published: Sequence[PublishedTable], own: str | None = None
) -> Iterator[Derivation]:
    """Yield what an attacker derives who knows the level of one student in every version."""
    seen: list[PublishedTable] = []
    for number, one in enumerate(published):
        if one.shows_school and one.has_late_corrections:
            student = one.table.members.get(own) if own else None
            program = Program(one, school, student, knows_rules=not seen)
            for found in program.derive():
                yield Derivation(number, found)
            for earlier in seen:
                for found in derive_changes(earlier, one, school.policy):
                    yield Derivation(number, found)
            seen.append(one)


def derive_changes(earlier: PublishedTable, later: PublishedTable, policy: Policy) -> Iterator[str]:
    """Yield the sets of class groups in which too few students changed, but visibly.

    A reader can subtract two versions of every row that both show, of the hidden rows together, and
    of any of these sets joined.
    """
    cells = [{group} for group in sorted(earlier.shown & later.shown)]
    if earlier.shown == later.shown:
        cells.append({*earlier.hidden, *later.hidden})
    for size in range(1, len(cells) + 1):
        for chosen in combinations(cells, size):
            groups = frozenset().union(*chosen)
            left = _outside(earlier, later, groups)
            entered = _outside(later, earlier, groups)
            if left != entered and not all(
                may_show(one, policy) for one in (left, entered) if any(one)
            ):
                yield f"{'+'.join(sorted(groups))}: {left} left, {entered} entered"


def _outside(one: PublishedTable, other: PublishedTable, groups: frozenset[str]) -> Counts:
    """Return the students of these class groups who are not there, at this level, in the other."""
    return counts_of_levels(
        member
        for student, member in one.table.members.items()
        if member.class_group in groups and not _is_in(other.table, student, member.level, groups)
    )


def _is_in(table: Table, student: str, level: int, groups: frozenset[str]) -> bool:
    found = table.members.get(student)
    return found is not None and found.level == level and found.class_group in groups
