"""SQL of what the figures of all schools share: the catalogue, and sums in one pass."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, exists, select, text
from sqlalchemy.orm import Session

from shared.school_feedback.facts import FLANDERS, ComponentFacts
from shared.school_feedback.figures import FigureLevel
from shared.school_feedback.models import ComputedReference
from shared.school_feedback.references import GroupSums, ScoreSums

_COMPONENTS = text("""
    select id, code, name, subject, position, is_calibration, level_scale from components
    where administration_id = :administration_id and removed_at is null
    order by position, id
""")
_LEVELS = text("""
    select level_scale, id, code, label, ordinal, attains_basic_literacy, attains_final_objectives
    from levels where administration_id = :administration_id and removed_at is null
    order by level_scale, ordinal, id
""")
_STATE = text("""
    select coalesce(max(sequence), 0) from deliveries
    where administration_id = :administration_id and status = 'applied'
""")
_READABLE = text("select component_id, readable_from from first_readable_feedback")
# The students of a school with a level, per component and level; then per group of schools. The
# order of the levels of a component comes from `places`, where each has one.
_REFRESH = text("""
with places as (
    select component.id as component_id, level.id as level_id,
        rank() over (partition by component.id order by level.ordinal) as place
    from components component
    join levels level on level.administration_id = component.administration_id
        and level.level_scale = component.level_scale and level.removed_at is null
    where component.administration_id = :administration_id and component.removed_at is null
        and component.id <> all (:kept)
), of_schools as materialized (
    select places.component_id, places.place, result.school_id,
        part.comparison_group, count(*) as students, count(scored.score) as scored,
        coalesce(sum(scored.score), 0) as score_sum,
        coalesce(sum(scored.score * scored.score), 0) as square_sum
    from results result
    join places on places.component_id = result.component_id and places.level_id = result.level_id
    join students student on student.id = result.student_id and student.removed_at is null
    join participations part on part.administration_id = result.administration_id
        and part.school_id = result.school_id and part.removed_at is null
    left join scale_scores scored on scored.result_id = result.id
    where result.administration_id = :administration_id and result.superseded_at is null
        and result.status = 'reported'
    group by places.component_id, places.place, result.school_id, part.comparison_group
), grouped as (
    select component_id, place, school_id, students, scored, score_sum, square_sum, ''
        as comparison_group
    from of_schools
    union all
    select component_id, place, school_id, students, scored, score_sum, square_sum,
        comparison_group
    from of_schools where comparison_group <> ''
), per_school as (
    select component_id, comparison_group, school_id, sum(students) as students
    from grouped group by component_id, comparison_group, school_id
), sizes as (
    select component_id, comparison_group, count(*) as schools,
        (array_agg(students::integer order by students desc))[1:2] as largest
    from per_school group by component_id, comparison_group
), per_place as (
    select component_id, comparison_group, place, sum(students) as students,
        sum(scored) as scored, sum(score_sum) as score_sum, sum(square_sum) as square_sum
    from grouped group by component_id, comparison_group, place
), sums as (
    select found.component_id, found.comparison_group,
        array_agg(coalesce(per_place.students, 0)::integer order by found.place) as counts,
        coalesce(sum(scored), 0) as scored, coalesce(sum(score_sum), 0) as score_sum,
        coalesce(sum(square_sum), 0) as square_sum
    from (
        select sizes.component_id, comparison_group, place from sizes
        join (select distinct component_id, place from places) place using (component_id)
    ) found
    left join per_place using (component_id, comparison_group, place)
    group by found.component_id, found.comparison_group
)
insert into computed_references as kept (component_id, comparison_group, state, schools, largest,
    counts, scored, score_sum, square_sum)
select component_id, comparison_group, :state, schools, largest, counts, scored, score_sum,
    square_sum
from sums join sizes using (component_id, comparison_group)
on conflict (component_id, comparison_group) do update
    set state = excluded.state, schools = excluded.schools, largest = excluded.largest,
        counts = excluded.counts, scored = excluded.scored, score_sum = excluded.score_sum,
        square_sum = excluded.square_sum
""")


def components_of(session: Session, administration_id: str) -> list[ComponentFacts]:
    """Return the components of an administration with their levels, by position."""
    parameters = {"administration_id": administration_id}
    levels: defaultdict[str, list[FigureLevel]] = defaultdict(list)
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for scale, level_id, *level in session.execute(_LEVELS, parameters):
        levels[scale].append(FigureLevel(*level))
        ids[scale].append(level_id)
    return [
        ComponentFacts._make(
            (*row[:6], tuple(levels[row.level_scale]), tuple(ids[row.level_scale]))
        )
        for row in session.execute(_COMPONENTS, parameters)
    ]


def reference_state(session: Session, administration_id: str) -> str:
    """Return a text that differs after each delivery of the administration."""
    found = session.execute(_STATE, {"administration_id": administration_id})
    return str(found.scalar_one())


def readable_since(session: Session) -> dict[int, datetime]:
    """Return since when somebody may have read the figures of components, by component."""
    return {row.component_id: row.readable_from for row in session.execute(_READABLE)}


def refresh_references(
    session: Session, administration_id: str, state: str, kept: Sequence[int]
) -> None:
    """Compute the sums over all schools and comparison groups, but of the `kept` components."""
    parameters = {"administration_id": administration_id, "state": state, "kept": list(kept)}
    session.execute(_REFRESH, parameters)


def has_references(session: Session, component_ids: Sequence[int], state: str) -> bool:
    """Return True if the sums of any of the components are those of the facts."""
    found = exists().where(
        ComputedReference.component_id.in_(component_ids), ComputedReference.state == state
    )
    return bool(session.scalar(select(found)))


def group_sums(
    session: Session, component_ids: Sequence[int], comparison_groups: Collection[str]
) -> dict[tuple[int, str], GroupSums]:
    """Return the sums of Flanders and of groups, by component and group."""
    query = select(*ComputedReference.__table__.c).where(
        ComputedReference.component_id.in_(component_ids),
        ComputedReference.comparison_group.in_({FLANDERS, *comparison_groups}),
    )
    rows = session.execute(query)
    return {(row.component_id, row.comparison_group): _sums(row) for row in rows}


def _sums(row: Row[Any]) -> GroupSums:
    scores = ScoreSums(row.scored, Fraction(row.score_sum), Fraction(row.square_sum))
    return GroupSums(tuple(row.counts), scores, row.schools, tuple(row.largest))
