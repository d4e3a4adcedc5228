"""SQL of release windows, and the gate as conditions for the queries of other rooms."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
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
    insert,
    select,
    table,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.access.products import Product
from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.releases.models import ReleaseWindow

released_components = table(
    "released_components",
    column("administration_id", String),
    column("product", String),
    column("component_id", Integer),
)
"""View: the components that are released now, per product, by the database's clock."""

# Tables of a room above this one, declared by name only.
_administrations = table("administrations", column("id", String))
_target_groups = table(
    "target_groups",
    column("id", Integer),
    column("administration_id", String),
    column("code", String),
)
_components = table(
    "components",
    column("id", Integer),
    column("administration_id", String),
    column("target_group_id", Integer),
    column("code", String),
)


def component_is_released(
    component_id: InstrumentedAttribute[int], product: Product
) -> ColumnElement[bool]:
    """Return the condition of the gate for rows about one component."""
    return component_id == any_(_released_ids(product))


def components_are_released(
    component_ids: InstrumentedAttribute[list[int]], product: Product
) -> ColumnElement[bool]:
    """Return the condition of the gate for rows about several components, all to be released."""
    return component_ids.op("<@", is_comparison=True)(_released_ids(product))


def _released_ids(product: Product) -> ColumnElement[Any]:
    """Return the released components as an array, which a statement computes once."""
    released = select(released_components.c.component_id).where(
        released_components.c.product == product
    )
    return func.array(released.scalar_subquery(), type_=ARRAY(Integer))


@dataclass(frozen=True, slots=True)
class WindowScope:
    """The scope of a window: a target group, a component, or without ids the administration."""

    administration_id: str
    product: Product
    target_group_id: int | None
    component_id: int | None


class WindowRow(NamedTuple):
    """A window with the codes of its component, and of its or the component's target group."""

    window: ReleaseWindow
    target_group: str | None
    component: str | None


class ComponentIds(NamedTuple):
    component_id: int
    target_group_id: int


_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
"""Later than any window opens: the place of those without a time in lists."""

_WIDEST_FIRST = ListOrder(
    ReleaseWindow.administration_id,
    func.coalesce(_target_groups.c.code, ""),
    func.coalesce(_components.c.code, ""),
    ReleaseWindow.product,
    func.coalesce(ReleaseWindow.opens_at, _NEVER),
    ReleaseWindow.id,
)


def page_of_windows(
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[WindowRow]:
    """Return a page of the windows, the widest scopes first."""
    windows = _windows()
    if administration_id is not None:
        windows = windows.where(ReleaseWindow.administration_id == administration_id)
    return page_of_rows(session, windows, _WIDEST_FIRST, selection).map(WindowRow._make)


def find_window(session: Session, window_id: UUID) -> WindowRow | None:
    query = _windows().where(ReleaseWindow.id == window_id)
    row = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    return None if row is None else WindowRow(*row)


def windows_of_scope(session: Session, scope: WindowScope) -> Sequence[ReleaseWindow]:
    return session.scalars(
        select(ReleaseWindow)
        .where(
            ReleaseWindow.administration_id == scope.administration_id,
            ReleaseWindow.product == scope.product,
            ReleaseWindow.target_group_id.is_not_distinct_from(scope.target_group_id),
            ReleaseWindow.component_id.is_not_distinct_from(scope.component_id),
        )
        .execution_options(populate_existing=True)
    ).all()


def lock_windows(session: Session) -> None:
    """Lock the windows against additions and changes by other transactions until the commit."""
    lock_until_commit(session, "release windows")


def add_window(session: Session, scope: WindowScope, times: dict[str, Any]) -> UUID:
    return session.execute(
        insert(ReleaseWindow).values(**asdict(scope), **times).returning(ReleaseWindow.id)
    ).scalar_one()


def change_window(session: Session, window_id: UUID, times: dict[str, Any]) -> None:
    session.execute(
        update(ReleaseWindow)
        .where(ReleaseWindow.id == window_id)
        .values(**times, updated_at=func.now())
    )


def delete_window(session: Session, window_id: UUID) -> None:
    """Delete a window; the API may do so for operators, through the function of the database."""
    session.execute(select(func.remove_release_window(window_id)))


def windows_of_administration(session: Session, administration_id: str) -> Sequence[ReleaseWindow]:
    return session.scalars(
        select(ReleaseWindow)
        .where(ReleaseWindow.administration_id == administration_id)
        .order_by(ReleaseWindow.id)
        .execution_options(populate_existing=True)
    ).all()


def administration_exists(session: Session, administration_id: str) -> bool:
    query = select(exists().where(_administrations.c.id == administration_id))
    return bool(session.scalar(query))


def find_target_group(session: Session, administration_id: str, code: str) -> int | None:
    """Return the id of a target group, also of a removed one, which can be added again."""
    return session.scalar(
        select(_target_groups.c.id).where(
            _target_groups.c.administration_id == administration_id,
            _target_groups.c.code == code,
        )
    )


def find_component(session: Session, administration_id: str, code: str) -> ComponentIds | None:
    """Return the ids of a component, also of a removed one, which can be added again."""
    row: Row[int, int] | None = session.execute(
        select(_components.c.id, _components.c.target_group_id).where(
            _components.c.administration_id == administration_id,
            _components.c.code == code,
        )
    ).one_or_none()
    return None if row is None else ComponentIds(*row)


def _windows() -> Select[ReleaseWindow, str | None, str | None]:
    return (
        select(ReleaseWindow, _target_groups.c.code, _components.c.code)
        .outerjoin(_components, _components.c.id == ReleaseWindow.component_id)
        .outerjoin(
            _target_groups,
            _target_groups.c.id
            == func.coalesce(ReleaseWindow.target_group_id, _components.c.target_group_id),
        )
    )
