"""The disclosure audit: compute again, from what a version shows, what a reader could subtract.

It uses nothing of the suppression but its predicate, so that a fault of one is found by the other.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from shared.core.errors import Conflict
from shared.school_feedback.figures import FigureRow
from shared.school_feedback.repository import StoredVersion
from shared.school_feedback.suppression import Policy, may_show


def audit_version(
    version: StoredVersion, published: Sequence[StoredVersion], policy: Policy
) -> dict[str, Any]:
    """Return the result of the audit of a version, after all that were published before it.

    A table that was published already reveals nothing more.

    Raises:
        Conflict: when a set of students that a reader can compute may not be shown.
    """
    sets = [*_shown_sets(version), *_remainders(version)]
    if all(one.published.table != version.published.table for one in published):
        for earlier in published:
            sets += _differences(earlier, version)
    is_consistent = _is_consistent(version, policy)
    if not is_consistent or not all(may_show(counts.values(), policy) for counts in sets):
        raise Conflict(
            "disclosureAuditFailed",
            f"The figures of component {version.figures.component} would reveal the results of "
            "few students. Nothing was published; report this as a fault of the service.",
        )
    return {"isPassed": True, "sets": len(sets), "versions": len(published)}


def _shown_sets(version: StoredVersion) -> list[Counter[int]]:
    return [_counts(row) for row in version.figures.rows if not row.is_hidden]


def _remainders(version: StoredVersion) -> list[Counter[int]]:
    """Return what is left of the school without its shown rows, if any row is hidden."""
    figures = version.figures
    if figures.school_row.is_hidden or not any(row.is_hidden for row in figures.class_rows):
        return []
    rest = _counts(figures.school_row)
    for row in figures.class_rows:
        rest.subtract(_counts(row))
    return [rest]


def _differences(earlier: StoredVersion, later: StoredVersion) -> list[Counter[int]]:
    """Return the students that left or entered each set of students, or changed in it."""
    if earlier.figures.school_row.is_hidden or later.figures.school_row.is_hidden:
        return []
    found = []
    for cell in (None, "", *later.published.shown):
        before, after = _places(earlier, cell), _places(later, cell)
        if cell is None or later.figures.class_rows:
            changes = before - after, after - before
            found += [Counter(level for _, level in changed) for changed in changes if changed]
    return found


def _places(version: StoredVersion, cell: str | None) -> set[tuple[Any, int]]:
    """Return the students of the school (None), of a shown row, or of all hidden rows ("")."""
    shown = version.published.shown
    return {
        (student, member.level)
        for student, member in version.published.table.members.items()
        if cell is None or (member.class_group == cell if cell else member.class_group not in shown)
    }


def _is_consistent(version: StoredVersion, policy: Policy) -> bool:
    """Return True if the rows are about the stored students, and a hidden table shows nothing."""
    figures, members = version.figures, version.published.table.members
    if figures.class_rows and not policy.shows_class_groups:
        return False
    if figures.school_row.is_hidden:
        rows = figures.class_rows
        return all(row.is_hidden for row in rows) and not (figures.mean or figures.not_tested)
    counted = Counter(member.level for member in members.values())
    return +counted == +_counts(figures.school_row)


def _counts(row: FigureRow) -> Counter[int]:
    return Counter(dict(enumerate(row.counts or ())))
