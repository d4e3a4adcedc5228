"""Check that a full delivery removes no more students and results than is expected of one."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from shared.core.settings import MAX_REMOVED_SHARE
from shared.deliveries.delivery_format import (
    MANIFEST,
)
from shared.deliveries.faults import Fault
from shared.deliveries.file_format import FORMAT_1_1

TOO_MUCH_REMOVED: Final = "tooMuchRemoved"

_ALWAYS_ALLOWED: Final = 2
"""Students that may always be removed, so that a small school can lose one."""

MAX_COUNTED_REFUSALS: Final = 10
"""Refusals of an administration in 24 hours that have counts: each tells something of what is
stored."""

# A student who goes to the successor of a school has not disappeared, nor has one whose enrolment
# the delivery ends. A result is lost if the delivery has no row of it; a withdrawn result has one.
_IS_ENDED: Final = """exists (
    select from ended_enrolments e where e.student = p.delivered_as and e.school = p.school_id
)"""
_REMOVED: Final = f"""
    select p.school_id, p.id as student_id from students p
    where p.administration_id = %(administration)s and p.removed_at is null and not {_IS_ENDED}
      and not exists (
          select from staged_students s join staged_schools new on new.school = s.school
          where s.student = p.delivered_as and (
              s.school = p.school_id
              or p.school_id = any(string_to_array(new.successor_of, '|'))
          )
      )
    union
    select p.school_id, p.id from results r
    join students p on p.id = r.student_id join components c on c.id = r.component_id
    where r.administration_id = %(administration)s and r.superseded_at is null
      and not {_IS_ENDED} and not exists (select from staged_results s
                      where s.student = p.delivered_as and s.component = c.code)
"""

_COUNTS: Final = f"""
    with removed as (
        select school_id, count(*) as removed from ({_REMOVED}) x group by school_id
    ), stored as (
        select school_id, count(*) as students from students
        where administration_id = %(administration)s and removed_at is null group by school_id
    ), with_results as (
        select distinct school_id from results
        where administration_id = %(administration)s and superseded_at is null
    ), keeping_results as (
        select distinct s.school as school_id from staged_students s
        join staged_results r using (student) where r.status <> 'withdrawn'
    )
    select coalesce(sum(students), 0)::int as students, count(*)::int as schools,
           coalesce(sum(removed), 0)::int as removed, count(removed)::int as removed_schools,
           count(*) filter (where removed > 0 and w.school_id is not null and (
               k.school_id is null or removed > greatest(%(share)s * students, %(always)s)
           ))::int as emptied_schools
    from stored left join removed using (school_id)
    left join with_results w using (school_id) left join keeping_results k using (school_id)
"""


@dataclass(frozen=True, slots=True)
class RemovalLimit:
    """The limit of what a full delivery removes.

    `max_share` is of the students of the administration, and of each school with results.
    `allowed` is a number of students that replaces the limits; that of the manifest if it is None.
    """

    max_share: float = MAX_REMOVED_SHARE
    allowed: int | None = None


@dataclass(frozen=True, slots=True)
class _Counts:
    """Stored students and schools, and those that lose students or results.

    `emptied_schools` lose all results, or more than the share.
    """

    students: int
    schools: int
    removed: int
    removed_schools: int
    emptied_schools: int


def find_removal_fault(
    connection: psycopg.Connection[Any],
    administration: str,
    limit: RemovalLimit,
    *,
    has_counts: bool,
) -> Fault | None:
    """Return the fault of a full delivery that removes too much; the staging tables must exist.

    The fault counts students and schools, and names none. It has no counts without `has_counts`.
    """
    parameters = {"administration": administration}
    if connection.execute(f"{_REMOVED} limit 1", parameters).rowcount == 0:
        return None
    counts = _count(connection, administration, limit.max_share)
    if limit.allowed is not None:
        is_allowed = counts.removed <= limit.allowed
    else:
        most = max(limit.max_share * counts.students, _ALWAYS_ALLOWED)
        is_allowed = counts.removed <= most and not counts.emptied_schools
    return None if is_allowed else _fault(counts, has_counts=has_counts)


def _count(connection: psycopg.Connection[Any], administration: str, share: float) -> _Counts:
    parameters = {"administration": administration, "share": share, "always": _ALWAYS_ALLOWED}
    cursor = connection.cursor(row_factory=class_row(_Counts))
    counts = cursor.execute(_COUNTS, parameters).fetchone()
    if counts is None:
        raise LookupError("a query of sums returned no row")
    return counts


def _fault(counts: _Counts, *, has_counts: bool) -> Fault:
    if has_counts:
        number = str(counts.removed)
        detail = (
            f"{number} of {counts.students} students, in {counts.removed_schools} of "
            f"{counts.schools} schools, would disappear or lose stored results."
        )
    else:
        number = "their number"
        detail = (
            "Too many students would disappear or lose stored results. After "
            f"{MAX_COUNTED_REFUSALS} refusals in 24 hours the report no longer counts them."
        )
    return Fault(
        TOO_MUCH_REMOVED,
        detail,
        "Check that students.csv and results.csv are complete. If these students are to be "
        f'removed, allow it: set allowRemovals to {number} and formatVersion to "{FORMAT_1_1}" in '
        f"{MANIFEST}, or import with --allow-removals {number}.",
        MANIFEST,
        column="allowRemovals",
    )
