"""SQL of release windows, and the gate as a condition that queries of other rooms take up."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    any_,
    column,
    exists,
    func,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.access.products import STUDENT_FEEDBACK
from shared.core.paging import page_of_rows
from shared.releases.models import ReleaseWindow

released_components = table(
    "released_components",
    column("administration_id", String),
    column("product", String),
    column("component_id", Integer),
)
"""View: the components of a product that are open now, by the database's clock."""

# Tables of a room above this one: known here by name only.
_administrations = table("administrations", column("id", String))
_target_groups = table(
    "target_groups",
    column("id", Integer),
    column("administration_id", String),
    column("code", String),
    column("removed_at"),
)
_components = table(
    "components",
    column("id", Integer),
    column("administration_id", String),
    column("target_group_id", Integer),
    column("code", String),
    column("removed_at"),
)


def component_is_released(
    component_id: InstrumentedAttribute[int], product: str = STUDENT_FEEDBACK
) -> ColumnElement[bool]:
    """The gate for rows that are about one component."""
    return component_id == any_(_released_ids(product))


def components_are_released(
    component_ids: InstrumentedAttribute[list[int]], product: str = STUDENT_FEEDBACK
) -> ColumnElement[bool]:
    """The gate for what shows several components: open only while each of them is."""
    return component_ids.op("<@", is_comparison=True)(_released_ids(product))


def _released_ids(product: str) -> ColumnElement[Any]:
    """As an array, which is found out once for a whole statement."""
    released = select(released_components.c.component_id).where(
        released_components.c.product == product
    )
    return func.array(released.scalar_subquery(), type_=ARRAY(Integer))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a window is about; the ids are None for a whole administration or target group."""

    administration_id: str
    product: str
    target_group_id: int | None
    component_id: int | None


WindowRow = Row[ReleaseWindow, str | None, str | None]
"""A window, and the codes of its target group and component."""


def page_of_windows(
    session: Session, administration_id: str | None, offset: int, limit: int
) -> tuple[int, Sequence[WindowRow]]:
    """How many windows there are, and a page of them, the widest of an administration first."""
    windows = _windows()
    if administration_id is not None:
        windows = windows.where(ReleaseWindow.administration_id == administration_id)
    widest = windows.order_by(
        ReleaseWindow.administration_id,
        _target_groups.c.code.nulls_first(),
        _components.c.code.nulls_first(),
        ReleaseWindow.id,
    )
    return page_of_rows(session, widest, offset, limit)


def find_window(session: Session, window_id: UUID) -> WindowRow | None:
    query = _windows().where(ReleaseWindow.id == window_id)
    return session.execute(query.execution_options(populate_existing=True)).one_or_none()


def find_window_of(session: Session, scope: Scope) -> UUID | None:
    """The window of just this scope."""
    return session.scalar(
        select(ReleaseWindow.id).where(
            ReleaseWindow.administration_id == scope.administration_id,
            ReleaseWindow.product == scope.product,
            ReleaseWindow.target_group_id.is_not_distinct_from(scope.target_group_id),
            ReleaseWindow.component_id.is_not_distinct_from(scope.component_id),
        )
    )


def add_window(session: Session, scope: Scope, moments: dict[str, Any]) -> UUID | None:
    """The id of the new window; None when there already is one of this scope."""
    return session.scalar(
        insert(ReleaseWindow)
        .values(**asdict(scope), **moments)
        .on_conflict_do_nothing()
        .returning(ReleaseWindow.id)
    )


def lock_window(session: Session, window_id: UUID) -> ReleaseWindow | None:
    """The window, held against others that would change it at the same time."""
    return session.scalar(
        select(ReleaseWindow)
        .where(ReleaseWindow.id == window_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def change_window(session: Session, window_id: UUID, changes: dict[str, Any]) -> None:
    session.execute(
        update(ReleaseWindow)
        .where(ReleaseWindow.id == window_id)
        .values(**changes, updated_at=func.now())
    )


def administration_exists(session: Session, administration_id: str) -> bool:
    query = select(exists().where(_administrations.c.id == administration_id))
    return bool(session.scalar(query))


def find_target_group(session: Session, administration_id: str, code: str) -> int | None:
    return session.scalar(
        select(_target_groups.c.id).where(
            _target_groups.c.administration_id == administration_id,
            _target_groups.c.code == code,
            _target_groups.c.removed_at.is_(None),
        )
    )


def find_component(session: Session, administration_id: str, code: str) -> Row[int, int] | None:
    """The ids of a component and of its target group."""
    return session.execute(
        select(_components.c.id, _components.c.target_group_id).where(
            _components.c.administration_id == administration_id,
            _components.c.code == code,
            _components.c.removed_at.is_(None),
        )
    ).one_or_none()


def _windows() -> Select[ReleaseWindow, str | None, str | None]:
    return (
        select(ReleaseWindow, _target_groups.c.code, _components.c.code)
        .outerjoin(_target_groups, _target_groups.c.id == ReleaseWindow.target_group_id)
        .outerjoin(_components, _components.c.id == ReleaseWindow.component_id)
    )
