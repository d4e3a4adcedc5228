"""Codes and names that look alike: one class group in two forms, or two in nearly the same form."""

from typing import Any, Final

import psycopg

from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    COMPONENTS,
    LEVELS,
    TARGET_GROUPS,
)
from shared.deliveries.faults import Fault, Findings
from shared.deliveries.file_format import FileFormat
from shared.deliveries.integrity_check import IntegrityCheck

_MERGE: Final = f"""
    with keys as (
        select school, class_group, min(line) as first_line from {CLASS_GROUPS.table}
        group by school, class_group
        having count(*) > 1 and count(*) filter (where line <> all(%(folded)s)) <= 1
    )
    delete from {CLASS_GROUPS.table} s using keys k, {CLASS_GROUPS.table} first
    where s.school = k.school and s.class_group = k.class_group
      and first.line = k.first_line and s.line > k.first_line
      and row(s.target_group, s.site, s.site_name)
          is not distinct from row(first.target_group, first.site, first.site_name)
    returning s.line, first.line
"""


def merge_class_groups(connection: psycopg.Connection[Any], findings: Findings) -> None:
    """Make one class group of rows that differ only in what `fold` changes, with a warning.

    Rows that were delivered with equal names, or that contradict each other, stay duplicates.
    """
    folded = findings.folded.get(CLASS_GROUPS.name)
    if not folded:
        return
    merged = connection.execute(_MERGE, {"folded": folded}).fetchall()
    for line, first_line in sorted(merged):
        findings.warnings.add(
            Fault(
                "lookAlike",
                f"The class group differs from that on line {first_line} only in blanks, invisible "
                "characters or composed letters. Both are one class group.",
                "Check whether the school has two, and give these names that differ visibly.",
                CLASS_GROUPS.name,
                line,
                "class_group",
            )
        )


def _look_alike_check(file: FileFormat, column: str, scope: str) -> IntegrityCheck:
    """Return the check for codes of one scope, an expression, that differ in case or width."""
    form = f"replace(lower(normalize({column}, nfkc)), ' ', '')"
    return IntegrityCheck(
        "lookAlike",
        file,
        column,
        f"""select s.line, s.{column} as value, k.first_line as context
            from (select line, {column}, {scope} as scope, {form} as form from {file.table}) s
            join (
                select {scope} as scope, {form} as form, min(line) as first_line
                from {file.table} group by 1, 2
                having count(distinct {column} collate "C") > 1
            ) k using (scope, form) where s.line > k.first_line""",
        "The value looks like the one on line {context}, and is another one.",
        "Check whether both are the same, and write it in one form.",
        is_warning=True,
    )


LOOK_ALIKE_CHECKS: Final = (
    _look_alike_check(TARGET_GROUPS, "target_group", "''"),
    _look_alike_check(COMPONENTS, "component", "''"),
    _look_alike_check(LEVELS, "level", "level_scale"),
    _look_alike_check(CLASS_GROUPS, "class_group", "school"),
)
