"""Views of what a row of a delivery may refer to: the delivery itself, or what stands as well."""

from typing import Any, Final

import psycopg
from psycopg import sql

from shared.deliveries.manifest import Mode

# Of each view: what the delivery brings, and what the database adds to it for a correction. A row
# of the delivery takes the place of the stored row with the same key; `line` is 0 for a stored row.
_VIEWS: Final = {
    "known_target_groups": (
        "select line, target_group from staged_target_groups",
        """select 0, code from target_groups
           where administration_id = {administration} and removed_at is null""",
    ),
    "known_components": (
        "select line, component, target_group, level_scale, calibration from staged_components",
        """select 0, c.code, t.code, c.level_scale, c.is_calibration::text
           from components c join target_groups t on t.id = c.target_group_id
           where c.administration_id = {administration} and c.removed_at is null
             and not exists (select from staged_components s where s.component = c.code)""",
    ),
    "known_levels": (
        "select line, level_scale, level, ordinal from staged_levels",
        """select 0, l.level_scale, l.code, l.ordinal::text from levels l
           where l.administration_id = {administration} and l.removed_at is null
             and not exists (select from staged_levels s
                             where s.level_scale = l.level_scale and s.level = l.code)""",
    ),
    "known_descriptions": (
        "select line, component, level from staged_level_descriptions",
        """select 0, c.code, l.code from level_descriptions d
           join components c on c.id = d.component_id join levels l on l.id = d.level_id
           where c.administration_id = {administration}""",
    ),
    "known_schools": (
        "select line, school from staged_schools",
        """select 0, school_id from participations
           where administration_id = {administration} and removed_at is null""",
    ),
    "known_class_groups": (
        "select line, school, class_group, target_group from staged_class_groups",
        """select 0, g.school_id, g.name, t.code
           from class_groups g join target_groups t on t.id = g.target_group_id
           where g.administration_id = {administration} and g.removed_at is null
             and not exists (select from staged_class_groups s
                             where s.school = g.school_id and s.class_group = g.name)""",
    ),
    "known_enrolments": (
        "select line, student, school, class_group, stamnummer, insz_hash from staged_students",
        """select 0, p.delivered_as, p.school_id, g.name, p.stamnummer, p.insz_hash
           from students p join class_groups g on g.id = p.class_group_id
           where p.administration_id = {administration} and p.removed_at is null
             and not exists (select from staged_students s
                             where s.student = p.delivered_as and s.school = p.school_id)""",
    ),
    "known_results": (
        "select line, student, component from staged_results where status <> 'withdrawn'",
        """select 0, p.delivered_as, c.code
           from results r join students p on p.id = r.student_id
           join components c on c.id = r.component_id
           where r.administration_id = {administration} and r.superseded_at is null
             and not exists (select from staged_results s
                             where s.student = p.delivered_as and s.component = c.code)""",
    ),
}


def create_known_views(
    connection: psycopg.Connection[Any], mode: Mode, administration: str
) -> None:
    """They go with the staging tables that they look at."""
    for name, (delivered, stored) in _VIEWS.items():
        parts = [delivered, stored] if mode == "correction" else [delivered]
        query = f"create temporary view {name} as {' union all '.join(parts)}"
        connection.execute(sql.SQL(query).format(administration=sql.Literal(administration)))
