"""Application of results and item results: a changed result supersedes its row and adds one.

In a correction every result counts as changed.
"""

from typing import Any, Final

import psycopg

from shared.deliveries.manifest import Mode
from shared.deliveries.staging_tables import WRITTEN_ROWS
from shared.deliveries.upserts import Changes, Parameters, ordered_uuid, remove_items

# A result is stored for each enrolment of the student whose class group takes the component.
_ENROLMENTS: Final = """
    join components c on c.administration_id = %(administration)s and c.code = s.component
    join students p on p.administration_id = %(administration)s and p.delivered_as = s.student
      and p.removed_at is null
    join class_groups g on g.id = p.class_group_id and g.target_group_id = c.target_group_id
"""

# Enrolments that a correction adds or changes, with the other enrolments of the same student.
_SIBLINGS: Final = """
    from staged_students s
    join students p on p.administration_id = %(administration)s
      and p.school_id = s.school and p.delivered_as = s.student
    join class_groups g on g.id = p.class_group_id
    join students sibling on sibling.administration_id = %(administration)s
      and sibling.delivered_as = s.student and sibling.id <> p.id and sibling.removed_at is null
"""

_DELIVERED: Final = f"""
    create temporary table delivered_results on commit drop as
    select s.student, {ordered_uuid("s.line")} as result_id, p.id as student_id, p.school_id,
           c.id as component_id, s.status, l.id as level_id, s.scale_score::numeric as score,
           stored.id as stored_id,
           not %(is_correction)s and stored.id is not null and stored.status = s.status
             and stored.level_id is not distinct from l.id
             and scored.score is not distinct from s.scale_score::numeric as is_same
    from staged_results s {_ENROLMENTS}
    left join levels l on l.administration_id = c.administration_id
      and l.level_scale = c.level_scale and l.code = s.level
    left join results stored on stored.student_id = p.id and stored.component_id = c.id
      and stored.superseded_at is null
    left join scale_scores scored on scored.result_id = stored.id
    where s.status <> 'withdrawn'
"""

_OF_SIBLINGS: Final = f"""
    insert into delivered_results
    select distinct on (p.id, r.component_id) s.student, gen_random_uuid(), p.id, p.school_id,
           r.component_id, r.status, r.level_id, scored.score, null::uuid, false
    {_SIBLINGS}
    join results r on r.student_id = sibling.id and r.superseded_at is null
    join components c on c.id = r.component_id and c.target_group_id = g.target_group_id
    left join scale_scores scored on scored.result_id = r.id
    where not exists (select from staged_results x
                      where x.student = s.student and x.component = c.code)
      and not exists (select from results own where own.student_id = p.id
                      and own.component_id = c.id and own.superseded_at is null)
"""

# Of a student with two enrolments the delivery has one result, and the table a row for each.
_COUNT_DELIVERED: Final = """
    select count(*) filter (where not is_stored), count(*) filter (where is_stored and not is_same),
           count(*) filter (where is_same)
    from (select bool_and(is_same) as is_same, bool_or(stored_id is not null) as is_stored
          from delivered_results group by student, component_id) delivered
"""

_COUNT_REMOVED: Final = """
    with removed as ({statement} returning stored.student_id, stored.component_id)
    select count(distinct (p.delivered_as, r.component_id))
    from removed r join students p on p.id = r.student_id
    where not exists (select from delivered_results d
                      where d.student = p.delivered_as and d.component_id = r.component_id)
"""

_COUNT_ITEMS: Final = f"""
    with written as ({{statement}}), recorded as (
        insert into {WRITTEN_ROWS}
        select 'itemResults', school_id, student_id, component_id from written
    )
    select count(distinct (p.delivered_as, w.component_id))
    from written w join students p on p.id = w.student_id
"""

_SUPERSEDE: Final = """
    update results stored
    set superseded_at = now(), superseded_by_delivery_id = %(delivery)s
"""

_SUPERSEDE_CHANGED: Final = f"""
    {_SUPERSEDE} from delivered_results d where d.stored_id = stored.id and not d.is_same
"""

_SUPERSEDE_WITHDRAWN: Final = f"""
    {_SUPERSEDE} from staged_results s
    join components c on c.administration_id = %(administration)s and c.code = s.component
    join students p on p.administration_id = %(administration)s and p.delivered_as = s.student
    where s.status = 'withdrawn' and stored.student_id = p.id and stored.component_id = c.id
      and stored.superseded_at is null
"""

_SUPERSEDE_MISSING: Final = f"""
    {_SUPERSEDE} where stored.administration_id = %(administration)s
      and stored.superseded_at is null
      and not exists (select from delivered_results d where d.stored_id = stored.id)
"""

_INSERT: Final = """
    insert into results
        (id, administration_id, school_id, student_id, component_id, status, level_id, delivery_id)
    select result_id, %(administration)s, school_id, student_id, component_id, status, level_id,
           %(delivery)s
    from delivered_results where not is_same
"""

_INSERT_SCORES: Final = """
    insert into scale_scores (result_id, school_id, score)
    select result_id, school_id, score from delivered_results
    where not is_same and score is not null
"""

# Schools that may get a change event: the commit looks at the gate.
_RECORD_CORRECTIONS: Final = """
    select record_corrections(%(delivery)s, array_agg(school_id), array_agg(component_id))
    from (
        select school_id, component_id from delivered_results where not is_same
        union
        select school_id, component_id from results
        where superseded_by_delivery_id = %(delivery)s
    ) corrected
    where (select has_release(%(administration)s))
"""

_DELIVERED_ITEMS: Final = f"""
    create temporary table delivered_items on commit drop as
    with split as (
        select student, component from staged_item_results
        group by student, component having count(*) > 1
    ), whole as (
        select s.student, s.component, s.items, s.correct::boolean[] as correct
        from staged_item_results s
        where not exists (select from split x
                          where x.student = s.student and x.component = s.component)
        union all
        select s.student, s.component, array_agg(u.item order by s.line, u.n),
               array_agg(u.correct::boolean order by s.line, u.n)
        from staged_item_results s join split using (student, component)
        cross join lateral unnest(s.items, s.correct) with ordinality as u (item, correct, n)
        group by s.student, s.component
    )
    select p.id as student_id, c.id as component_id, p.school_id, s.items, s.correct
    from whole s {_ENROLMENTS}
"""

_WRITTEN: Final = "returning stored.school_id, stored.student_id, stored.component_id"

_REMOVE_MISSING_ITEMS: Final = remove_items("""
    from item_results stored join components c on c.id = stored.component_id
    where c.administration_id = %(administration)s
      and not exists (select from delivered_items d where d.student_id = stored.student_id
                      and d.component_id = stored.component_id)
""")

_REMOVE_WITHDRAWN_ITEMS: Final = remove_items("""
    from staged_results s
    join components c on c.administration_id = %(administration)s and c.code = s.component
    join students p on p.administration_id = %(administration)s and p.delivered_as = s.student
    join item_results stored on stored.student_id = p.id and stored.component_id = c.id
    where s.status = 'withdrawn'
""")

_REPLACE_ITEMS: Final = f"""
    update item_results stored set items = d.items, correct = d.correct from delivered_items d
    where d.student_id = stored.student_id and d.component_id = stored.component_id
      and row(stored.items::text[], stored.correct) is distinct from row(d.items, d.correct)
    {_WRITTEN}
"""

_MERGE_ITEMS: Final = f"""
    update item_results stored set items = merged.items, correct = merged.correct
    from delivered_items d
    join item_results old on old.student_id = d.student_id and old.component_id = d.component_id
    cross join lateral (
        select array_agg(coalesce(n.item, o.item) order by o.place, n.place) as items,
               array_agg(coalesce(n.correct, o.correct) order by o.place, n.place) as correct
        from unnest(old.items::text[], old.correct) with ordinality as o (item, correct, place)
        full join unnest(d.items, d.correct) with ordinality as n (item, correct, place)
          on n.item = o.item
    ) merged
    where stored.student_id = old.student_id and stored.component_id = old.component_id
    {_WRITTEN}
"""

_INSERT_ITEMS: Final = f"""
    insert into item_results as stored (student_id, component_id, school_id, items, correct)
    select d.student_id, d.component_id, d.school_id, d.items, d.correct from delivered_items d
    where not exists (select from item_results old where old.student_id = d.student_id
                      and old.component_id = d.component_id)
    order by d.student_id, d.component_id
    {_WRITTEN}
"""

_INSERT_ITEMS_OF_SIBLINGS: Final = f"""
    insert into item_results as stored (student_id, component_id, school_id, items, correct)
    select distinct on (p.id, i.component_id) p.id, i.component_id, p.school_id, i.items, i.correct
    {_SIBLINGS}
    join item_results i on i.student_id = sibling.id
    join components c on c.id = i.component_id and c.target_group_id = g.target_group_id
    where not exists (select from item_results own where own.student_id = p.id
                      and own.component_id = i.component_id)
    {_WRITTEN}
"""


def apply_results(
    connection: psycopg.Connection[Any], mode: Mode, parameters: Parameters
) -> Changes:
    """Apply the staged results and count the changes; students and catalogue come first.

    One student and component counts once, whatever the number of enrolments.
    """

    def counts(statement: str) -> tuple[int, ...]:
        return connection.execute(statement, parameters).fetchone() or (0,)

    def run(statement: str) -> None:
        connection.execute(statement, parameters)

    run("drop table if exists pg_temp.delivered_results")
    run(_DELIVERED)
    if mode == "correction":
        run(_OF_SIBLINGS)
    run("analyze delivered_results")
    added, changed, unchanged = counts(_COUNT_DELIVERED)
    supersede = _SUPERSEDE_MISSING if mode == "full" else _SUPERSEDE_WITHDRAWN
    (removed,) = counts(_COUNT_REMOVED.format(statement=supersede))
    run(_SUPERSEDE_CHANGED)
    run(_INSERT)
    run(_INSERT_SCORES)
    run(_RECORD_CORRECTIONS)
    run("drop table delivered_results")
    return {"added": added, "changed": changed, "removed": removed, "unchanged": unchanged}


def apply_item_results(
    connection: psycopg.Connection[Any], mode: Mode, parameters: Parameters
) -> Changes:
    """Apply the staged item results and count the changes; results come first.

    One student and component counts once, with all its items, whatever the number of enrolments.
    """

    def count(statement: str) -> int:
        counting = _COUNT_ITEMS.format(statement=statement)
        (number,) = connection.execute(counting, parameters).fetchone() or (0,)
        return int(number)

    connection.execute("drop table if exists pg_temp.delivered_items")
    connection.execute(_DELIVERED_ITEMS, parameters)
    connection.execute("analyze delivered_items")
    is_full = mode == "full"
    removed = count(_REMOVE_MISSING_ITEMS if is_full else _REMOVE_WITHDRAWN_ITEMS)
    changed = count(_REPLACE_ITEMS if is_full else _MERGE_ITEMS)
    added = count(_INSERT_ITEMS)
    if not is_full:
        added += count(_INSERT_ITEMS_OF_SIBLINGS)
    connection.execute("drop table delivered_items")
    return {"added": added, "changed": changed, "removed": removed}
