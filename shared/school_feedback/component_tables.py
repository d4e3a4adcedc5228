"""The table of a component: who is counted where, as pure functions over the facts of a school."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.school_feedback.facts import ClassGroupFacts, ComponentFacts, ResultFacts
from shared.school_feedback.figures import SMALL_COUNT, FigureRow, NotTested, RowKind
from shared.school_feedback.references import GroupSums, ScoreSums
from shared.school_feedback.suppression import (
    Member,
    Policy,
    PublishedTable,
    Table,
    cells_of,
    secret_rank,
)

REPORTED: Final = "reported"
NOT_ASSIGNED: Final = "notAssigned"


@dataclass(frozen=True, slots=True)
class ComponentTable:
    """The students of a school with a level of one component, and the counts of all others.

    `not_assigned` are per class group, and `statuses` of the school. `codes` are the delivered
    codes of the students with a level, per class group.
    """

    table: Table
    scores: ScoreSums
    statuses: Counter[str]
    not_assigned: Counter[str]
    codes: Mapping[str, Sequence[str]]

    def rank(self, key: bytes, class_group: str) -> bytes:
        """Return the secret rank of a class group, the same on each instance with the key."""
        return secret_rank(key, self.codes[class_group])


def component_table(component: ComponentFacts, results: Sequence[ResultFacts]) -> ComponentTable:
    """Return the table of the results of one component.

    Its class groups are those of students that the component was meant for.
    """
    places = {level_id: place for place, level_id in enumerate(component.level_ids)}
    members, class_groups, scores = {}, set(), []
    codes: defaultdict[str, list[str]] = defaultdict(list)
    not_assigned: Counter[str] = Counter()
    for result in results:
        class_group = result.class_group_id
        if result.status == NOT_ASSIGNED:
            not_assigned[class_group] += 1
            continue
        class_groups.add(class_group)
        if result.level_id is not None:
            members[result.student_id] = Member(class_group, places[result.level_id])
            codes[class_group].append(result.student_code)
        if result.score is not None:
            scores.append(result.score)
    statuses = Counter(result.status for result in results)
    table = Table(frozenset(class_groups), members)
    return ComponentTable(table, ScoreSums.of(scores), statuses, not_assigned, codes)


def figure_rows(
    found: ComponentTable,
    published: PublishedTable,
    class_groups: Iterable[ClassGroupFacts],
    levels: int,
    policy: Policy,
) -> tuple[FigureRow, ...]:
    """Return the row of the school, and those of its class groups in their order."""
    cells = cells_of(published, policy)

    def counts(cell: str | None, *, is_shown: bool) -> tuple[int, ...] | None:
        return tuple(cells[cell][place] for place in range(levels)) if is_shown else None

    school = FigureRow(
        RowKind.SCHOOL,
        counts=counts(None, is_shown=published.shows_school),
        not_assigned=found.not_assigned.total() if published.shows_school else None,
    )
    if not policy.shows_class_groups:
        return (school,)
    rows = [
        FigureRow(
            RowKind.CLASS_GROUP,
            name=group.name,
            site=group.site,
            site_name=group.site_name,
            counts=counts(group.id, is_shown=group.id in published.shown),
            not_assigned=found.not_assigned[group.id] if group.id in published.shown else None,
        )
        for group in class_groups
        if group.id in published.table.class_groups
    ]
    return (school, *rows)


def not_tested(found: ComponentTable) -> NotTested:
    """Return the numbers of students without a result; None for those below 5."""
    numbers = (found.statuses[status] for status in ("absent", "exempt", "notCompleted"))
    return NotTested(*(number if number >= SMALL_COUNT else None for number in numbers))


def school_sums(found: ComponentTable, levels: int) -> GroupSums:
    """Return the sums of the school, as those of a group of schools."""
    counts = Counter(member.level for member in found.table.members.values())
    students = counts.total()
    return GroupSums(
        tuple(counts[place] for place in range(levels)),
        found.scores,
        int(students > 0),
        (students,),
    )
