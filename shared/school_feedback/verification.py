"""The state of the feedback of all schools, for the manifest of an opening."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.school_feedback.fact_repository import reference_state


class FeedbackState(NamedTuple):
    """The feedback of a school: `digest` is over the latest figures of the components sought.

    It is current if it was computed from the present facts of the school and of all others.
    """

    school_id: str
    students: int
    snapshots: int
    is_current: bool
    digest: bytes


_STATES = text("""
with latest as (
    select distinct on (school_id, component_id) school_id, component_id, version, figures
    from school_feedback_snapshots
    where administration_id = :administration_id and component_id = any (:component_ids)
    order by school_id, component_id, version desc
), shown as (
    select school_id, count(*) as snapshots, sha256(convert_to(string_agg(
        concat_ws(' ', component_id, version, figures), ' ' order by component_id
    ), 'UTF8')) as digest
    from latest group by school_id
), enrolled as (
    select school_id, count(*) as students from students
    where administration_id = :administration_id and removed_at is null group by school_id
)
select part.school_id, coalesce(students, 0), coalesce(snapshots, 0),
    coalesce(computed.facts_revision = part.facts_revision
             and computed.reference_state = :state, false),
    coalesce(digest, sha256(''))
from participations part
left join feedback_computations computed using (administration_id, school_id)
left join shown using (school_id)
left join enrolled using (school_id)
where part.administration_id = :administration_id and part.removed_at is null
    and (cast(:school_id as varchar) is null or part.school_id = :school_id)
order by part.school_id
""")


def feedback_states(
    session: Session,
    administration_id: str,
    component_ids: Sequence[int],
    school_id: str | None = None,
) -> list[FeedbackState]:
    """Return the state of the feedback of each participating school, or of one."""
    parameters = {
        "administration_id": administration_id,
        "component_ids": list(component_ids),
        "school_id": school_id,
        "state": reference_state(session, administration_id),
    }
    return list(map(FeedbackState._make, session.execute(_STATES, parameters)))
