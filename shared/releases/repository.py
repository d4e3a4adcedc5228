"""SQL of release windows, and the gate as a condition that queries of other rooms take up."""

from collections.abc import Sequence

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    String,
    column,
    func,
    select,
    table,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.releases.models import ReleaseWindow
from shared.releases.rules import STUDENT_FEEDBACK

released_components = table(
    "released_components",
    column("administration_id", String),
    column("product", String),
    column("component_id", Integer),
)
"""View: the components of a product that are open now, by the database's clock."""


def component_is_released(
    component_id: InstrumentedAttribute[int], product: str = STUDENT_FEEDBACK
) -> ColumnElement[bool]:
    """The gate for rows that are about one component."""
    return component_id.in_(
        select(released_components.c.component_id).where(released_components.c.product == product)
    )


def components_are_released(
    component_ids: InstrumentedAttribute[list[int]], product: str = STUDENT_FEEDBACK
) -> ColumnElement[bool]:
    """The gate for what shows several components: open only while each of them is."""
    released = (
        select(func.coalesce(func.array_agg(released_components.c.component_id), []))
        .where(released_components.c.product == product)
        .scalar_subquery()
    )
    return component_ids.op("<@")(func.cast(released, ARRAY(Integer)))


def list_windows(session: Session, administration_id: str | None) -> Sequence[ReleaseWindow]:
    query = select(ReleaseWindow).order_by(ReleaseWindow.administration_id, ReleaseWindow.id)
    if administration_id is not None:
        query = query.where(ReleaseWindow.administration_id == administration_id)
    return session.scalars(query).all()
