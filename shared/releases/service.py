"""Use cases of release windows: plan them, change them, and say what they mean now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.products import STUDENT_FEEDBACK
from shared.access.requests import AccessRequest
from shared.core.clock import database_now
from shared.core.errors import Conflict, InvalidInput, ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.releases import repository
from shared.releases.models import ReleaseWindow
from shared.releases.repository import Scope, WindowRow
from shared.releases.rules import PRODUCTS, GateState, Window, gate_state


@dataclass(frozen=True, slots=True)
class Moments:
    """The target that was announced, and the effective moments; `never` allows no effective one."""

    planned_from_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    never: bool = False


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """A window as it is asked for: target group and component by their code."""

    administration_id: str
    product: str = STUDENT_FEEDBACK
    target_group: str | None = None
    component: str | None = None
    planned_from_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    never: bool = False

    @property
    def moments(self) -> Moments:
        return Moments(self.planned_from_at, self.opens_at, self.closes_at, self.never)


@dataclass(frozen=True, slots=True)
class WindowView:
    """A window with the codes people know, and its state by the database's clock."""

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
    """Raises ResourceNotFound when there is no such window."""
    row = repository.find_window(session, window_id)
    if row is None:
        raise ResourceNotFound
    return _view(row, database_now(session))


def create_window(unit: UnitOfWork, access: AccessRequest, plan: WindowPlan) -> WindowView:
    """Plan a new window.

    Raises:
        InvalidInput: when it names something unknown, or its moments contradict each other.
        Conflict: when there already is a window of the same scope.
    """
    _require_order(plan.moments)
    scope = _scope(unit.session, plan)
    window_id = repository.add_window(unit.session, scope, asdict(plan.moments))
    if window_id is None:
        raise Conflict(
            "releaseWindowExists",
            "There already is a window for the same product, target group and component; change "
            "that one.",
        )
    record_change(unit, access, "createReleaseWindow", f"/v1/releaseWindows/{window_id}")
    return read_window(unit.session, window_id)


def change_window(
    unit: UnitOfWork, access: AccessRequest, window_id: UUID, changes: Mapping[str, Any]
) -> WindowView:
    """Change some of the window's `Moments`, by their names; the others stay.

    Raises:
        ResourceNotFound: when there is no such window.
        InvalidInput: when its moments would contradict each other.
    """
    window = repository.lock_window(unit.session, window_id)
    if window is None:
        raise ResourceNotFound
    before = Moments(window.planned_from_at, window.opens_at, window.closes_at, window.never)
    after = replace(before, **changes)
    _require_order(after)
    repository.change_window(unit.session, window_id, asdict(after))
    record_change(unit, access, "changeReleaseWindow", f"/v1/releaseWindows/{window_id}")
    return read_window(unit.session, window_id)


def save_window(unit: UnitOfWork, access: AccessRequest, plan: WindowPlan) -> WindowView:
    """Create the window of the plan's scope, or change it to exactly these moments."""
    existing = repository.find_window_of(unit.session, _scope(unit.session, plan))
    if existing is None:
        return create_window(unit, access, plan)
    return change_window(unit, access, existing, asdict(plan.moments))


def _scope(session: Session, plan: WindowPlan) -> Scope:
    """Codes become ids; a component brings the target group it belongs to."""
    if plan.product not in PRODUCTS:
        raise InvalidInput("product", detail=f"Must be one of {', '.join(PRODUCTS)}.")
    if not repository.administration_exists(session, plan.administration_id):
        raise InvalidInput("administration_id", detail="There is no such administration.")
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
        if found is None or target_group_id not in {None, found[1]}:
            raise InvalidInput(
                "component", detail="The target group has no component with this code."
            )
        component_id, target_group_id = found
    return Scope(plan.administration_id, plan.product, target_group_id, component_id)


def _require_order(moments: Moments) -> None:
    if moments.never and (moments.opens_at is not None or moments.closes_at is not None):
        raise InvalidInput(
            "never", detail="A window that never opens has no opening or closing moment."
        )
    if moments.closes_at is not None:
        if moments.opens_at is None:
            raise InvalidInput("closes_at", detail="A window that closes needs an opening moment.")
        if moments.closes_at <= moments.opens_at:
            raise InvalidInput("closes_at", detail="Must be later than the opening moment.")


def _view(row: WindowRow, now: datetime) -> WindowView:
    window, target_group, component = row
    facts = Window(
        window.target_group_id,
        window.component_id,
        window.opens_at,
        window.closes_at,
        window.never,
    )
    return WindowView(window, target_group, component, gate_state(facts, now))
