"""Use cases of release windows: plan, change and read them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.audit.service import Actor, Decision, record
from shared.core.clock import database_now
from shared.core.errors import Conflict, ResourceNotFound, invalid_input
from shared.releases import repository
from shared.releases.models import ReleaseWindow
from shared.releases.repository import WindowRow, WindowScope
from shared.releases.rules import GateState, Window, gate_state, overlaps


@dataclass(frozen=True, slots=True)
class WindowTimes:
    """The announced target and the effective moments; `never` allows no effective moment."""

    planned_from_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    never: bool = False


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """A window to be saved; target group and component by their code."""

    administration_id: str
    product: Product
    target_group: str | None = None
    component: str | None = None
    planned_from_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    never: bool = False

    @property
    def times(self) -> WindowTimes:
        return WindowTimes(self.planned_from_at, self.opens_at, self.closes_at, self.never)


@dataclass(frozen=True, slots=True)
class WindowView:
    """A window with the codes of its scope, and its state by the database's clock."""

    window: ReleaseWindow
    target_group: str | None
    component: str | None
    state: GateState


def list_windows(
    session: Session, administration_id: str | None, offset: int, limit: int
) -> tuple[int, list[WindowView]]:
    total, rows = repository.page_of_windows(session, administration_id, offset, limit)
    now = database_now(session)
    return total, [_view(row, now) for row in rows]


def read_window(session: Session, window_id: UUID) -> WindowView:
    """Return a window.

    Raises:
        ResourceNotFound: when the window does not exist.
    """
    row = repository.find_window(session, window_id)
    if row is None:
        raise ResourceNotFound
    return _view(row, database_now(session))


def create_window(session: Session, actor: Actor, plan: WindowPlan) -> WindowView:
    """Add a window.

    Raises:
        Problem: 400 when the administration, target group or component is unknown or the times
            contradict each other, 409 when another window of the same scope overlaps this one.
    """
    _require_order(plan.times)
    scope = _scope(session, plan)
    repository.lock_windows(session)
    _require_no_overlap(session, scope, plan.times)
    window_id = repository.add_window(session, scope, asdict(plan.times))
    record(session, actor, _decision("createReleaseWindow", window_id))
    return read_window(session, window_id)


def change_window(
    session: Session, actor: Actor, window_id: UUID, changes: Mapping[str, Any]
) -> WindowView:
    """Change some of the `WindowTimes` of a window; the others stay the same.

    Raises:
        ResourceNotFound: when the window does not exist.
        Problem: 400 when the times would contradict each other, 409 when another window of the
            same scope would overlap this one.
    """
    repository.lock_windows(session)
    window = read_window(session, window_id).window
    before = WindowTimes(window.planned_from_at, window.opens_at, window.closes_at, window.never)
    after = replace(before, **changes)
    _require_order(after)
    _require_no_overlap(session, _scope_of(window), after, window_id)
    repository.change_window(session, window_id, asdict(after))
    record(session, actor, _decision("changeReleaseWindow", window_id))
    return read_window(session, window_id)


def save_window(session: Session, plan: WindowPlan) -> WindowView:
    """Set the times of the only window of a scope, and add the window if there is none.

    Raises:
        Problem: as for `create_window` and `change_window`; 409 when the scope has several windows.
    """
    actor = Actor(client="cli", kind="operator", organisation=None, trace_id=None)
    repository.lock_windows(session)
    existing = repository.windows_of_scope(session, _scope(session, plan))
    if len(existing) > 1:
        raise Conflict(
            "severalReleaseWindows",
            "Several Release Windows",
            "There are several windows for this product, target group and component; change one "
            "of them by its id.",
        )
    if existing:
        return change_window(session, actor, existing[0].id, asdict(plan.times))
    return create_window(session, actor, plan)


def _scope(session: Session, plan: WindowPlan) -> WindowScope:
    """Return the scope with ids for the codes; a component brings its own target group."""
    if plan.product not in tuple(Product):
        raise invalid_input("body", "/product", f"Must be one of {', '.join(Product)}.")
    if not repository.administration_exists(session, plan.administration_id):
        raise invalid_input("body", "/administrationId", "There is no such administration.")
    target_group_id = component_id = None
    if plan.target_group is not None:
        target_group_id = repository.find_target_group(
            session, plan.administration_id, plan.target_group
        )
        if target_group_id is None:
            raise invalid_input("body", "/targetGroup", "The administration has none of this code.")
    if plan.component is not None:
        found = repository.find_component(session, plan.administration_id, plan.component)
        if found is None or target_group_id not in {None, found.target_group_id}:
            raise invalid_input("body", "/component", "The target group has none of this code.")
        component_id, target_group_id = found
    return WindowScope(plan.administration_id, plan.product, target_group_id, component_id)


def _scope_of(window: ReleaseWindow) -> WindowScope:
    return WindowScope(
        window.administration_id,
        Product(window.product),
        window.target_group_id,
        window.component_id,
    )


def _require_order(times: WindowTimes) -> None:
    if times.never and (times.opens_at is not None or times.closes_at is not None):
        raise invalid_input("body", "/never", "What never opens has no opensAt and no closesAt.")
    if times.closes_at is not None:
        if times.opens_at is None:
            raise invalid_input("body", "/closesAt", "What closes needs an opensAt.")
        if times.closes_at <= times.opens_at:
            raise invalid_input("body", "/closesAt", "Must be later than opensAt.")


def _require_no_overlap(
    session: Session, scope: WindowScope, times: WindowTimes, changed_id: UUID | None = None
) -> None:
    planned = Window(
        scope.target_group_id, scope.component_id, times.opens_at, times.closes_at, times.never
    )
    for window in repository.windows_of_scope(session, scope):
        if window.id != changed_id and overlaps(_facts(window), planned):
            raise Conflict(
                "releaseWindowExists",
                "Release Window Exists",
                "Another window for the same product, target group and component overlaps this "
                "one; change that window, or choose other times.",
            )


def _decision(action: str, window_id: UUID) -> Decision:
    return Decision(action, f"/v1/releaseWindows/{window_id}", None, "allowed", "granted")


def _view(row: WindowRow, now: datetime) -> WindowView:
    return WindowView(*row, gate_state(_facts(row.window), now))


def _facts(window: ReleaseWindow) -> Window:
    return Window(
        window.target_group_id,
        window.component_id,
        window.opens_at,
        window.closes_at,
        window.never,
    )
