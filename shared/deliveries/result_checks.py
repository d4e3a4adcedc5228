"""Integrity checks of the results and item results in a delivery."""

from typing import Final

from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    COMPONENTS,
    ITEM_RESULTS,
    LEVEL_DESCRIPTIONS,
    LEVELS,
    RESULTS,
    STUDENTS,
)
from shared.deliveries.file_format import FileFormat
from shared.deliveries.integrity_check import IntegrityCheck, foreign_key_check

_ITEM_LINES = f"""(
    select s.line + n as line, s.student, s.component
    from {ITEM_RESULTS.table} s cross join lateral generate_series(0, cardinality(s.items) - 1) n
)"""


def _item_foreign_key_check(column: str, view: str, needs: FileFormat) -> IntegrityCheck:
    check = foreign_key_check(ITEM_RESULTS, column, view, needs)
    return IntegrityCheck(
        check.kind,
        check.file,
        column,
        f"""select s.line + n as line, s.{column} as value, null as context
            from {ITEM_RESULTS.table} s
            cross join lateral generate_series(0, cardinality(s.items) - 1) n
            where s.{column} is not null
              and not exists (select from {view} k where k.{column} = s.{column})""",
        check.detail,
        check.remedy,
        check.needs,
        reads_stored=needs is STUDENTS,
    )


RESULT_CHECKS: Final = (
    foreign_key_check(RESULTS, "student", "effective_enrolments", STUDENTS, reads_stored=True),
    foreign_key_check(RESULTS, "component", "effective_components", COMPONENTS),
    IntegrityCheck(
        "targetGroupMismatch",
        RESULTS,
        "component",
        """select r.line, r.component as value, null as context
           from staged_results r join effective_components c using (component)
           where not r.status = 'withdrawn'
             and exists (select from effective_enrolments e where e.student = r.student)
             and not exists (
                 select from effective_enrolments e
                 left join effective_class_groups g using (school, class_group)
                 where e.student = r.student
                   and coalesce(g.target_group, c.target_group) = c.target_group
             )""",
        "The component and the student's class group have different target groups.",
        "Correct the component, or the class group of the student.",
        (COMPONENTS, CLASS_GROUPS, STUDENTS),
        reads_stored=True,
    ),
    IntegrityCheck(
        "levelWithoutReported",
        RESULTS,
        "level",
        """select line, level as value, null as context from staged_results
           where level is not null and status <> 'reported'""",
        "The result has a level, and its status is not reported.",
        "Leave the level empty, or correct the status.",
    ),
    IntegrityCheck(
        "levelMissing",
        RESULTS,
        "level",
        """select line, null as value, null as context from staged_results
           where level is null and status = 'reported'""",
        "The status is reported, and the result has no level.",
        "Give the level, or correct the status.",
    ),
    IntegrityCheck(
        "unknownLevel",
        RESULTS,
        "level",
        """select r.line, r.level as value, null as context
           from staged_results r join effective_components c using (component)
           where r.status = 'reported' and r.level is not null and not exists (
               select from effective_levels l
               where l.level_scale = c.level_scale and l.level = r.level
           )""",
        "The level scale of the component does not have this level.",
        "Use a level of that scale in levels.csv.",
        (COMPONENTS, LEVELS),
    ),
    IntegrityCheck(
        "descriptionMissing",
        RESULTS,
        "level",
        """select min(r.line) as line, r.level as value, null as context
           from staged_results r join effective_components c using (component)
           join effective_levels l on l.level_scale = c.level_scale and l.level = r.level
           where r.status = 'reported' and c.calibration = 'false' and not exists (
               select from effective_descriptions d
               where d.component = r.component and d.level = r.level
           ) group by r.component, r.level""",
        "The component has no description of this level, which a fiche needs.",
        "Add the description to level_descriptions.csv.",
        (COMPONENTS, LEVELS, LEVEL_DESCRIPTIONS),
    ),
    _item_foreign_key_check("student", "effective_enrolments", STUDENTS),
    _item_foreign_key_check("component", "effective_components", COMPONENTS),
    IntegrityCheck(
        "danglingReference",
        ITEM_RESULTS,
        "component",
        f"""select s.line, s.component as value, null as context from {_ITEM_LINES} s
            where exists (select from effective_enrolments e where e.student = s.student)
              and exists (select from effective_components c where c.component = s.component)
              and not exists (select from effective_results k
                              where k.student = s.student and k.component = s.component)""",
        "The student has no result for this component.",
        "Add the result to results.csv, or remove its items.",
        (STUDENTS, COMPONENTS, RESULTS),
        reads_stored=True,
    ),
    IntegrityCheck(
        "duplicateKey",
        ITEM_RESULTS,
        "item",
        """select line, item as value, first_line as context from (
               select s.line + u.n - 1 as line, u.item,
                      min(s.line + u.n - 1) over (partition by student, component, u.item)
                          as first_line
               from staged_item_results s
               join (select student, component from staged_item_results
                     group by student, component having count(*) > 1) k using (student, component)
               cross join lateral unnest(s.items) with ordinality as u (item, n)
           ) x where line > first_line and item is not null""",
        "The same student, component and item is already on line {context}.",
        "Write each key once.",
    ),
)
