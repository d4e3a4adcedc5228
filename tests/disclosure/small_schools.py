"""Small schools made to be attacked: one component, in up to three versions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

from shared.school_feedback.suppression import (
    KNOWN,
    SEALED,
    Member,
    Policy,
    PublishedTable,
    Table,
    may_show,
)
from tests.school_feedback.suppressing import suppress

LEVELS = 5
Counts = tuple[int, ...]
"""Numbers of students per level, from the lowest up."""
Students = Mapping[str, Member]

_MAX_GROUPS, _MAX_VERSIONS = 5, 3
_SIZES = (0, 1, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 8, 12)
_CHANGES = (1, 1, 2, 3, 6, 10, 16, 24)
_OTHERS = (0, 0, 1, 2, 5, 9)
_SINGLE_LEVEL, _SEALED = 0.25, 0.15


@dataclass(frozen=True, slots=True)
class SmallSchool:
    """The students of a school with a level in each version, and the policy of the component.

    `others` are the students of all other schools, which are with them in the reference.
    """

    policy: Policy
    versions: tuple[Table, ...]
    others: Counts

    def publish(self, *, by_version: bool = True, is_complete: bool = True) -> list[PublishedTable]:
        """Return what is published of each version, or with a rule switched off.

        Without `by_version` no version looks at earlier ones. What is not `is_complete` hides the
        rows that may not be shown and no others.
        """
        published: list[PublishedTable] = []
        for table in self.versions:
            found = suppress(table, published if by_version else [], self.policy)
            if not is_complete and found.shows_school and self.policy.shows_class_groups:
                found = replace(found, shown=_showable(found.table, self.policy))
            published.append(found)
        return published


def small_school(seed: int) -> SmallSchool:
    """Return the school of a seed: classes of one, classes in one level, students who change."""
    random = Random(seed)  # noqa: S311  # test data, not a secret
    levels = random.sample(range(LEVELS), random.randint(1, LEVELS))
    groups = [f"{number}A" for number in range(1, random.randint(1, _MAX_GROUPS) + 1)]
    students: dict[str, Member] = {}
    for group in groups:
        own = [random.choice(levels)] if random.random() < _SINGLE_LEVEL else levels
        for _ in range(random.choice(_SIZES)):
            students[_new_id(random)] = Member(group, random.choice(own))
    versions = [students]
    for _ in range(random.randint(1, _MAX_VERSIONS) - 1):
        versions.append(_changed(random, versions[-1], groups, levels))
    tables = tuple(Table(frozenset(groups), one) for one in versions)
    others = tuple(random.choice(_OTHERS) for _ in range(LEVELS))
    return SmallSchool(SEALED if random.random() < _SEALED else KNOWN, tables, others)


def table_of(*groups: Counts) -> Table:
    """Return a table of class groups 1A, 2A, … with these students."""
    random = Random(0)  # noqa: S311  # the same
    students = {
        _new_id(random): Member(f"{number}A", level)
        for number, counts in enumerate(groups, start=1)
        for level, count in enumerate(counts)
        for _ in range(count)
    }
    return Table(frozenset(f"{number}A" for number, _ in enumerate(groups, start=1)), students)


def counts_of_levels(members: Iterable[Member]) -> Counts:
    levels = [member.level for member in members]
    return tuple(levels.count(level) for level in range(LEVELS))


def counts_of_group(table: Table, group: str) -> Counts:
    return counts_of_levels(one for one in table.members.values() if one.class_group == group)


def _showable(table: Table, policy: Policy) -> frozenset[str]:
    return frozenset(
        group for group in table.class_groups if may_show(counts_of_group(table, group), policy)
    )


def _changed(
    random: Random, students: Students, groups: list[str], levels: list[int]
) -> dict[str, Member]:
    """Return the students after changes: new ones, others who leave, move or get another level."""
    changed = dict(students)
    for _ in range(random.choice(_CHANGES)):
        new = Member(random.choice(groups), random.choice(levels))
        known = random.choice([*changed, None])
        if known is None or random.random() < 0.4:
            changed[_new_id(random)] = new
        elif random.random() < 0.3:
            del changed[known]
        elif random.random() < 0.5:
            changed[known] = new
        else:
            changed[known] = Member(changed[known].class_group, new.level)
    return changed


def _new_id(random: Random) -> str:
    return f"{random.getrandbits(128):032x}"
