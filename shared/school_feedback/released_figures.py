"""SQL of released figures: the latest version of each component, and the list of versions."""

from datetime import datetime
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.releases.repository import component_is_released
from shared.results.models import Component, TargetGroup
from shared.school_feedback.figures import SchoolFeedback
from shared.school_feedback.models import SchoolFeedbackSnapshot as Snapshot
from shared.school_feedback.stored_figures import figures_from_json
from shared.schools.models import Participation


class FeedbackVersion(NamedTuple):
    """A version of the figures of a component, without the figures."""

    component: str
    version: int
    reason: str
    computed_at: datetime


_COMPONENT_ORDER = ListOrder(
    Component.target_group_id, Component.position, Component.id, Snapshot.version
)


def released_feedback(
    session: Session, school_id: str, administration_id: str
) -> list[SchoolFeedback]:
    """Return the released figures of a school in their latest version, by target group."""
    of = {"school_id": school_id, "administration_id": administration_id}
    rows = session.execute(_released_figures(), of).all()
    return [
        SchoolFeedback(
            administration_id,
            school_id,
            *target_group,
            tuple(figures_from_json(*row[2:]) for row in own),
        )
        for target_group, own in groupby(rows, key=attrgetter("target_group", "name"))
    ]


def page_of_versions(
    session: Session, school_id: str, administration_id: str, selection: PageSelection
) -> Page[FeedbackVersion]:
    """Return a page of the versions of the released figures of a school, by component."""
    versions = (
        select(Component.code, Snapshot.version, Snapshot.reason, Snapshot.computed_at)
        .join_from(Snapshot, Component, Component.id == Snapshot.component_id)
        .where(_is_released())
        .params(school_id=school_id, administration_id=administration_id)
    )
    page = page_of_rows(session, versions, _COMPONENT_ORDER, selection)
    return page.map(FeedbackVersion._make)


@cache
def _released_figures() -> Select[*tuple[Any, ...]]:
    """Return the query of the released figures of a school; to build it takes long."""
    latest = (
        select(
            Snapshot.component_id,
            Snapshot.figures,
            Snapshot.version,
            Snapshot.reason,
            Snapshot.computed_at,
        )
        .ext(distinct_on(Snapshot.component_id))
        .where(_is_released())
        .order_by(Snapshot.component_id, Snapshot.version.desc())
        .subquery("latest")
    )
    of_component = latest.c.figures, latest.c.version, latest.c.reason, latest.c.computed_at
    return (
        select(TargetGroup.code.label("target_group"), TargetGroup.name, *of_component)
        .join_from(latest, Component, Component.id == latest.c.component_id)
        .join(TargetGroup, TargetGroup.id == Component.target_group_id)
        .order_by(TargetGroup.code, Component.position, Component.id)
    )


def _is_released() -> ColumnElement[bool]:
    """Return the condition of a released snapshot of the school and administration."""
    school_id: BindParameter[str] = bindparam("school_id")
    administration_id: BindParameter[str] = bindparam("administration_id")
    takes_part = exists().where(
        Participation.school_id == school_id,
        Participation.administration_id == administration_id,
        Participation.removed_at.is_(None),
    )
    of_school = Snapshot.administration_id, Snapshot.school_id
    return and_(
        Snapshot.school_id == school_id,
        Snapshot.administration_id == administration_id,
        component_is_released(Snapshot.component_id, of_school, Product.SCHOOL_FEEDBACK),
        takes_part,
    )
