"""Use cases of release windows: plan, change and read them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change_for_participants
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.core.clock import database_now
from shared.core.errors import Conflict, InvalidInput, ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
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
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[WindowView]:
    page = repository.page_of_windows(session, administration_id, selection)
    now = database_now(session)
    return page.map(lambda row: _view(row, now))


def read_window(session: Session, window_id: UUID) -> WindowView:
    """Return a window.

    Raises:
        ResourceNotFound: when the window does not exist.
    """
    row = repository.find_window(session, window_id)
    if row is None:
        raise ResourceNotFound
    return _view(row, database_now(session))


def create_window(unit: UnitOfWork, access: AccessRequest, plan: WindowPlan) -> WindowView:
    """Add a window.

    Raises:
        InvalidInput: when administration, target group or component is unknown, or the times
            contradict each other.
        Conflict: when another window of the same scope overlaps this one.
    """
    _require_order(plan.times)
    repository.lock_windows(unit.session)
    scope = _scope(unit.session, plan)
    _require_no_overlap(unit.session, scope, plan.times)
    window_id = repository.add_window(unit.session, scope, asdict(plan.times))
    _record(unit, access, "createReleaseWindow", window_id, plan.administration_id)
    return read_window(unit.session, window_id)


def change_window(
    unit: UnitOfWork, access: AccessRequest, window_id: UUID, changes: Mapping[str, Any]
) -> WindowView:
    """Change some of the `WindowTimes` of a window; the others stay the same.

    Raises:
        ResourceNotFound: when the window does not exist.
        InvalidInput: when the times would contradict each other.
        Conflict: when another window of the same scope would overlap this one.
    """
    repository.lock_windows(unit.session)
    window = read_window(unit.session, window_id).window
    before = WindowTimes(window.planned_from_at, window.opens_at, window.closes_at, window.never)
    after = replace(before, **changes)
    _require_order(after)
    _require_no_overlap(unit.session, _scope_of(window), after, window_id)
    repository.change_window(unit.session, window_id, asdict(after))
    _record(unit, access, "changeReleaseWindow", window_id, window.administration_id)
    return read_window(unit.session, window_id)


def remove_window(unit: UnitOfWork, access: AccessRequest, window_id: UUID) -> None:
    """Remove a window; from then on a wider one decides, if there is one.

    Raises:
        ResourceNotFound: when the window does not exist.
    """
    repository.lock_windows(unit.session)
    administration_id = read_window(unit.session, window_id).window.administration_id
    repository.delete_window(unit.session, window_id)
    _record(unit, access, "removeReleaseWindow", window_id, administration_id)


def save_window(unit: UnitOfWork, access: AccessRequest, plan: WindowPlan) -> WindowView:
    """Set the times of the only window of a scope, and add the window if there is none.

    Raises:
        InvalidInput: as for `create_window`.
        Conflict: as for `create_window`, and when the scope has several windows.
    """
    repository.lock_windows(unit.session)
    existing = repository.windows_of_scope(unit.session, _scope(unit.session, plan))
    if len(existing) > 1:
        raise Conflict(
            "severalReleaseWindows",
            "There are several windows for this product, target group and component; change one "
            "of them by its id.",
        )
    if existing:
        return change_window(unit, access, existing[0].id, asdict(plan.times))
    return create_window(unit, access, plan)


def _record(
    unit: UnitOfWork, access: AccessRequest, action: str, window_id: UUID, administration_id: str
) -> None:
    resource = f"/v1/releaseWindows/{window_id}"
    record_change_for_participants(unit, access, action, resource, administration_id)


def _scope(session: Session, plan: WindowPlan) -> WindowScope:
    """Return the scope with ids for the codes; a component's scope is the component alone."""
    if plan.product not in tuple(Product):
        raise InvalidInput("product", detail=f"Must be one of {', '.join(Product)}.")
    if not repository.administration_exists(session, plan.administration_id):
        raise InvalidInput(
            "administration_id",
            detail="There is no such administration; import its delivery first, or correct the id.",
        )
    target_group_id = component_id = None
    if plan.target_group is not None:
        target_group_id = repository.find_target_group(
            session, plan.administration_id, plan.target_group
        )
        if target_group_id is None:
            raise InvalidInput(
                "target_group", detail="The administration has no target group with this code."
            )
    if plan.component is not None:
        found = repository.find_component(session, plan.administration_id, plan.component)
        if found is None or target_group_id not in {None, found.target_group_id}:
            raise InvalidInput(
                "component", detail="The target group has no component with this code."
            )
        component_id, target_group_id = found.component_id, None
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
        raise InvalidInput(
            "never", detail="A window that never opens has no opening or closing moment."
        )
    if times.closes_at is not None:
        if times.opens_at is None:
            raise InvalidInput("closes_at", detail="A window that closes needs an opening moment.")
        if times.closes_at <= times.opens_at:
            raise InvalidInput("closes_at", detail="Must be later than the opening moment.")


def _require_no_overlap(
    session: Session, scope: WindowScope, times: WindowTimes, changed_id: UUID | None = None
) -> None:
    planned = Window(
        scope.target_group_id, scope.component_id, times.opens_at, times.closes_at, times.never
    )
    for window in repository.windows_of_scope(session, scope):
        if window.id != changed_id and overlaps(facts_of(window), planned):
            raise Conflict(
                "releaseWindowExists",
                "Another window for the same product, target group and component overlaps this "
                "one; change that window, or choose other times.",
            )


def _view(row: WindowRow, now: datetime) -> WindowView:
    return WindowView(*row, gate_state(facts_of(row.window), now))


def facts_of(window: ReleaseWindow) -> Window:
    return Window(
        window.target_group_id,
        window.component_id,
        window.opens_at,
        window.closes_at,
        window.never,
    )
