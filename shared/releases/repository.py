"""SQL of release windows, and the gate as conditions for the queries of other rooms."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    Text,
    Uuid,
    all_,
    and_,
    any_,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.access.products import Product
from shared.core.database import INSTANT
from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.releases.models import Recall, ReleaseWindow
from shared.releases.rules import ComponentFacts, Recalled

SchoolColumns = tuple[InstrumentedAttribute[str], InstrumentedAttribute[str]]
"""The columns of a row with its administration and its school."""

released_components = table(
    "released_components",
    column("administration_id", String),
    column("product", String),
    column("component_id", Integer),
)
"""View: the components that are released now, per product, by the database's clock."""

effective_openings = table(
    "effective_openings",
    column("id", Uuid),
    column("administration_id", String),
    column("product", String),
    column("opens_at", INSTANT),
    column("recall_id", Uuid),
    column("manifest_id", Uuid),
)
"""View: the openings that have opened, by the database's clock."""

ended_recalls = table("ended_recalls", column("recall_id", Uuid), column("component_id", Integer))
"""View: the components for which an opening has ended a recall."""

_recalls_with_ends = table(
    "recalls_with_ends",
    column("id", Uuid),
    column("administration_id", String),
    column("product", String),
    column("target_group_id", Integer),
    column("component_id", Integer),
    column("school_id", String),
    column("is_active", Boolean),
    column("ended_for", ARRAY(Integer)),
)

active_recalls = table("active_recalls", column("id", Uuid))
"""View: the recalls that no opening has ended yet."""

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
    component_id: InstrumentedAttribute[int], school: SchoolColumns, product: Product
) -> ColumnElement[bool]:
    """Return the condition of the gate for rows of a school about one component."""
    return and_(component_id == any_(_released_ids(product)), _is_not_recalled(school, product))


def components_are_released(
    component_ids: InstrumentedAttribute[list[int]], school: SchoolColumns, product: Product
) -> ColumnElement[bool]:
    """Return the condition of the gate for rows of a school about several released components."""
    are_released = component_ids.op("<@", is_comparison=True)(_released_ids(product))
    return and_(are_released, _is_not_recalled(school, product))


def _released_ids(product: Product) -> ColumnElement[Any]:
    """Return the released components as an array, which a statement computes once."""
    released = select(func.released_component_ids(product)).scalar_subquery()
    return cast(released, ARRAY(Integer))


def _is_not_recalled(school: SchoolColumns, product: Product) -> ColumnElement[bool]:
    """Return the condition that the product is not recalled from a school alone."""
    administration_id, school_id = school
    recalled = select(func.recalled_schools(product)).scalar_subquery()
    return administration_id + "/" + school_id != all_(cast(recalled, ARRAY(Text)))


class WindowRow(NamedTuple):
    """A window with the codes of its component, and of its or the component's target group.

    `is_opened` says that its opening is effective, `is_recalled` that a recall covers all of it.
    """

    window: ReleaseWindow
    target_group: str | None
    component: str | None
    is_opened: bool
    is_recalled: bool


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


def lock_windows(session: Session) -> None:
    """Lock the windows against additions and changes by other transactions until the commit."""
    lock_until_commit(session, "release windows")


def lock_recalls(session: Session, administration_id: str) -> None:
    """Lock the recalls of target groups of an administration until the commit."""
    lock_until_commit(session, f"recalls {administration_id}")


class StoredRecall(NamedTuple):
    """A recall with its product, its scope, and the components for which an opening ended it.

    `is_active` while no opening has ended it for any.
    """

    id: UUID
    product: str
    scope: Recalled
    is_active: bool
    ended_for: frozenset[int]

    def holds(self, component: ComponentFacts) -> bool:
        """Return True if it covers the component, and has not ended for it."""
        return self.scope.covers(component) and component.component_id not in self.ended_for


def recalls_of_administration(session: Session, administration_id: str) -> Sequence[StoredRecall]:
    """Return the recalls of an administration, those of single schools too."""
    recall = _recalls_with_ends.c
    scope = recall.target_group_id, recall.component_id, recall.school_id
    query = (
        select(recall.id, recall.product, *scope, recall.is_active, recall.ended_for)
        .where(recall.administration_id == administration_id)
        .order_by(recall.id)
    )
    return [
        StoredRecall(id_, product, Recalled(*scope), is_active, frozenset(ended_for))
        for id_, product, *scope, is_active, ended_for in session.execute(query)
    ]


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


def _windows() -> Select[ReleaseWindow, str | None, str | None, bool, bool]:
    target_group_id = func.coalesce(ReleaseWindow.target_group_id, _components.c.target_group_id)
    opened = effective_openings.c
    is_opened = exists(opened.id).where(
        opened.administration_id == ReleaseWindow.administration_id,
        opened.product == ReleaseWindow.product,
        opened.opens_at == ReleaseWindow.opens_at,
        opened.recall_id.is_(None),
    )
    ended = ended_recalls.c
    is_ended = exists(ended.recall_id).where(
        ended.recall_id == Recall.id,
        or_(ReleaseWindow.component_id.is_(None), ended.component_id == ReleaseWindow.component_id),
    )
    is_recalled = exists(Recall.id).where(
        Recall.administration_id == ReleaseWindow.administration_id,
        Recall.product == ReleaseWindow.product,
        Recall.school_id.is_(None),
        or_(Recall.component_id.is_(None), Recall.component_id == ReleaseWindow.component_id),
        or_(Recall.target_group_id.is_(None), Recall.target_group_id == target_group_id),
        ~is_ended,
    )
    return (
        select(ReleaseWindow, _target_groups.c.code, _components.c.code, is_opened, is_recalled)
        .outerjoin(_components, _components.c.id == ReleaseWindow.component_id)
        .outerjoin(_target_groups, _target_groups.c.id == target_group_id)
    )
