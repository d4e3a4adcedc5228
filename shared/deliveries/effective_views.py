"""Views of the rows that are in effect once a delivery is applied, for foreign key checks."""

from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from shared.deliveries.manifest import Mode


class EffectiveView(NamedTuple):
    """A view of the staged rows and, for a correction, of the stored rows they do not replace.

    A stored row has `line` 0.
    """

    name: str
    staged: str
    stored: str


_VIEWS: Final = (
    EffectiveView(
        "effective_target_groups",
        "select line, target_group from staged_target_groups",
        """select 0, code from target_groups
           where administration_id = {administration} and removed_at is null""",
    ),
    EffectiveView(
        "effective_components",
        "select line, component, target_group, level_scale, calibration from staged_components",
        """select 0, c.code, t.code, c.level_scale, c.is_calibration::text
           from components c join target_groups t on t.id = c.target_group_id
           where c.administration_id = {administration} and c.removed_at is null
             and not exists (select from staged_components s where s.component = c.code)""",
    ),
    EffectiveView(
        "effective_levels",
        """select line, level_scale, level, ordinal, attains_basic_literacy,
                  attains_final_objectives from staged_levels""",
        """select 0, l.level_scale, l.code, l.ordinal::text, l.attains_basic_literacy::text,
                  l.attains_final_objectives::text from levels l
           where l.administration_id = {administration} and l.removed_at is null
             and not exists (select from staged_levels s
                             where s.level_scale = l.level_scale and s.level = l.code)""",
    ),
    EffectiveView(
        "effective_descriptions",
        "select line, component, level from staged_level_descriptions",
        """select 0, c.code, l.code from level_descriptions d
           join components c on c.id = d.component_id join levels l on l.id = d.level_id
           where c.administration_id = {administration}""",
    ),
    EffectiveView(
        "effective_schools",
        """select line, school, string_to_array(successor_of, '|') as successor_of
           from staged_schools""",
        """select 0, t.school_id, k.successor_of::text[]
           from participations t join schools k on k.id = t.school_id
           where t.administration_id = {administration} and t.removed_at is null
             and not exists (select from staged_schools s where s.school = t.school_id)""",
    ),
    EffectiveView(
        "effective_class_groups",
        "select line, school, class_group, target_group from staged_class_groups",
        """select 0, g.school_id, g.name, t.code
           from class_groups g join target_groups t on t.id = g.target_group_id
           where g.administration_id = {administration} and g.removed_at is null
             and not exists (select from staged_class_groups s
                             where s.school = g.school_id and s.class_group = g.name)""",
    ),
    EffectiveView(
        "effective_enrolments",
        "select line, student, school, class_group, stamnummer, insz_hash from staged_students",
        """select 0, p.delivered_as, p.school_id, g.name, p.stamnummer, p.insz_hash
           from students p join class_groups g on g.id = p.class_group_id
           where p.administration_id = {administration} and p.removed_at is null
             and not exists (select from staged_students s
                             where s.student = p.delivered_as and s.school = p.school_id)
             and not exists (select from ended_enrolments s
                             where s.student = p.delivered_as and s.school = p.school_id)""",
    ),
    EffectiveView(
        "effective_results",
        "select line, student, component from staged_results where status <> 'withdrawn'",
        """select 0, p.delivered_as, c.code
           from results r join students p on p.id = r.student_id
           join components c on c.id = r.component_id
           where r.administration_id = {administration} and r.superseded_at is null
             and not exists (select from staged_results s
                             where s.student = p.delivered_as and s.component = c.code)""",
    ),
)


def create_effective_views(
    connection: psycopg.Connection[Any], mode: Mode, administration: str
) -> None:
    """Create the views, which are dropped with the staging tables."""
    for view in _VIEWS:
        selects = [view.staged, view.stored] if mode == "correction" else [view.staged]
        query = f"create temporary view {view.name} as {' union all '.join(selects)}"
        connection.execute(sql.SQL(query).format(administration=sql.Literal(administration)))
