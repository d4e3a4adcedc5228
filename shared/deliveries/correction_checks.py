"""Integrity checks of a correction against the stored rows."""

from typing import Final

from shared.deliveries.delivery_format import CLASS_GROUPS, COMPONENTS, RESULTS, STUDENTS
from shared.deliveries.integrity_check import IntegrityCheck

CORRECTION_CHECKS: Final = (
    IntegrityCheck(
        "contradictsStored",
        COMPONENTS,
        "component",
        """select s.line, s.component as value, null as context from staged_components s
           join components c on c.code = s.component and c.administration_id = %(administration)s
           join target_groups t on t.id = c.target_group_id
           where c.removed_at is null
             and (t.code, c.level_scale) <> (s.target_group, s.level_scale)
             and exists (select from results r
                         where r.component_id = c.id and r.superseded_at is null)""",
        "The component has stored results of another target group or level scale.",
        "Submit a full delivery of the administration.",
        is_for_corrections=True,
        reads_stored=True,
    ),
    IntegrityCheck(
        "contradictsStored",
        CLASS_GROUPS,
        "target_group",
        """select s.line, s.target_group as value, null as context from staged_class_groups s
           join class_groups g on g.administration_id = %(administration)s
             and g.school_id = s.school and g.name = s.class_group
           join target_groups t on t.id = g.target_group_id
           where g.removed_at is null and t.code <> s.target_group
             and exists (select from students p
                         join results r on r.student_id = p.id and r.superseded_at is null
                         where p.class_group_id = g.id)""",
        "Students of the class group have stored results of its previous target group.",
        "Submit a full delivery of the administration.",
        is_for_corrections=True,
        reads_stored=True,
    ),
    IntegrityCheck(
        "contradictsStored",
        STUDENTS,
        "class_group",
        """select distinct s.line, s.class_group as value, null as context
           from staged_students s join effective_class_groups g using (school, class_group)
           join students p on p.administration_id = %(administration)s
             and p.school_id = s.school and p.delivered_as = s.student
           join results r on r.student_id = p.id and r.superseded_at is null
           join components c on c.id = r.component_id
           join target_groups t on t.id = c.target_group_id
           where t.code <> g.target_group and not exists (
               select from staged_results x
               where x.student = s.student and x.component = c.code and x.status = 'withdrawn'
           )""",
        "The student has stored results of another target group than the class group has.",
        "Withdraw these results in the same correction, or correct the class group.",
        (CLASS_GROUPS, STUDENTS, RESULTS),
        is_for_corrections=True,
        reads_stored=True,
    ),
)
