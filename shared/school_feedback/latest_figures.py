"""SQL of the latest figures of schools, from which their documents are made."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.school_feedback.figures import ComponentFigures
from shared.school_feedback.models import SchoolFeedbackSnapshot
from shared.school_feedback.stored_figures import figures_from_json


def latest_figures(
    session: Session, administration_id: str, school_ids: Sequence[str]
) -> defaultdict[str, dict[int, ComponentFigures]]:
    """Return the latest version of the figures of schools, by school and id of the component."""
    snapshot = SchoolFeedbackSnapshot
    rows = session.execute(
        select(
            snapshot.school_id,
            snapshot.component_id,
            snapshot.figures,
            snapshot.version,
            snapshot.reason,
            snapshot.computed_at,
        )
        .ext(distinct_on(snapshot.school_id, snapshot.component_id))
        .where(snapshot.school_id.in_(school_ids), snapshot.administration_id == administration_id)
        .order_by(snapshot.school_id, snapshot.component_id, snapshot.version.desc())
    )
    found: defaultdict[str, dict[int, ComponentFigures]] = defaultdict(dict)
    for school_id, component_id, *facts in rows:
        found[school_id][component_id] = figures_from_json(*facts)
    return found
