"""Use cases of release plans: read the plan of an administration, and replace it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change_for_participants
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.client_changes.service import person_of
from shared.core.clock import database_now
from shared.core.errors import Conflict, DomainError, InvalidInput, ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.release_plans import repository
from shared.release_plans.plan import PlannedReopening, PlannedWindow, ReleasePlan, WindowTimes
from shared.release_plans.repository import ReleasedComponent
from shared.release_plans.rules import (
    PlanChanges,
    ScopedWindow,
    StoredWindow,
    WindowScope,
    changes_of,
    require_allowed,
    require_valid,
)
from shared.releases.models import ReleaseWindow
from shared.releases.repository import (
    administration_exists,
    find_component,
    find_target_group,
    lock_windows,
)
from shared.releases.rules import GateState, Window, deciding_windows
from shared.releases.service import WindowView, facts_of, list_windows

MAX_WINDOWS = 500
"""The most windows of a plan: one for each component and product, and many to spare."""


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with the windows as they are stored, and their state."""

    administration_id: str
    plan: ReleasePlan
    windows: Sequence[WindowView]


@dataclass(frozen=True, slots=True)
class PlanUpdate:
    """A plan that was replaced, and the openings that this voided or added."""

    view: PlanView
    changed_openings: Sequence[UUID]


def read_plan(session: Session, administration_id: str) -> PlanView:
    """Return the plan of an administration; raise ResourceNotFound when there is none."""
    if not administration_exists(session, administration_id):
        raise ResourceNotFound
    views = list_windows(session, administration_id, PageSelection(MAX_WINDOWS * 2)).rows
    windows = [_planned(view) for view in views]
    reopenings = [
        PlannedReopening(recall.id, recall.reopens_at)
        for recall in repository.recalls_of(session, administration_id)
        if recall.reopens_at is not None
    ]
    return PlanView(administration_id, ReleasePlan(windows, reopenings), views)


def replace_plan(
    unit: UnitOfWork,
    access: AccessRequest,
    administration_id: str,
    version: str,
    plan: ReleasePlan,
    approvals_needed: int,
) -> PlanUpdate:
    """Replace the plan of an administration, if it still has the version.

    It opens nothing itself, and closes what is open with `closesAt` and `never` only. An opening
    that it changes loses its approvals, and the caller's person cannot approve it.

    Raises:
        ResourceNotFound: when there is no such administration.
        MissingPermission: when no person is behind the caller's client.
        DomainError: when the plan has another version.
        InvalidInput: when a window names something unknown, or its times contradict each other.
        Conflict: when windows overlap, or what is open would close, or the reverse.
    """
    session = unit.session
    person_of(session, access.caller)
    lock_windows(session)
    before = read_plan(session, administration_id)
    if before.plan.version() != version:
        raise DomainError(
            "preconditionFailed",
            "The plan has changed since; read it again, and repeat the change.",
        )
    now, epochs = database_now(session), repository.epochs_of(session, administration_id)
    released = repository.released_in(session, administration_id)
    repository.set_approvals_needed(session, approvals_needed)
    changes = _changes(session, before, plan, now)
    repository.save_windows(session, administration_id, changes)
    _save_reopenings(session, before, plan, now)
    repository.settle_plan(session)
    _require_same_release(session, administration_id, released, now)
    resource = f"/v1/releasePlans/{administration_id}"
    record_change_for_participants(unit, access, "replaceReleasePlan", resource, administration_id)
    after = repository.epochs_of(session, administration_id)
    changed = [opening for opening in after if after[opening] != epochs.get(opening)]
    return PlanUpdate(read_plan(session, administration_id), changed)


def _planned(view: WindowView) -> PlannedWindow:
    window = view.window
    target_group = view.target_group if window.component_id is None else None
    return PlannedWindow(Product(window.product), target_group, view.component, _times_of(window))


def _times_of(window: ReleaseWindow) -> WindowTimes:
    return WindowTimes(window.planned_from_at, window.opens_at, window.closes_at, window.never)


def _changes(session: Session, before: PlanView, plan: ReleasePlan, now: datetime) -> PlanChanges:
    planned = [
        ScopedWindow(
            number, _scope(session, before.administration_id, number, window), window.times
        )
        for number, window in enumerate(plan.windows)
    ]
    require_valid(planned)
    changes = changes_of([_stored(view) for view in before.windows], planned)
    require_allowed(changes, now)
    return changes


def _stored(view: WindowView) -> StoredWindow:
    window = view.window
    scope = WindowScope(Product(window.product), window.target_group_id, window.component_id)
    has_opened = view.state in {GateState.OPEN, GateState.RECALLED}
    return StoredWindow(window.id, scope, _times_of(window), has_opened)


def _scope(
    session: Session, administration_id: str, number: int, window: PlannedWindow
) -> WindowScope:
    """Return the scope with ids for the codes; a component's scope is the component alone."""
    target_group_id = component_id = None
    if window.target_group is not None:
        target_group_id = find_target_group(session, administration_id, window.target_group)
        if target_group_id is None:
            raise InvalidInput(
                *("windows", number, "target_group"),
                detail="The administration has no target group with this code.",
            )
    if window.component is not None:
        found = find_component(session, administration_id, window.component)
        if found is None or target_group_id not in {None, found.target_group_id}:
            raise InvalidInput(
                *("windows", number, "component"),
                detail="The target group has no component with this code.",
            )
        component_id, target_group_id = found.component_id, None
    return WindowScope(window.product, target_group_id, component_id)


def _save_reopenings(session: Session, before: PlanView, plan: ReleasePlan, now: datetime) -> None:
    """Save the moments at which recalls end."""
    stored = {one.recall_id: one.opens_at for one in before.plan.reopenings}
    planned = {one.recall_id: one.opens_at for one in plan.reopenings}
    recalls = {recall.id for recall in repository.recalls_of(session, before.administration_id)}
    for number, reopening in enumerate(plan.reopenings):
        if reopening.recall_id not in recalls:
            raise InvalidInput("reopenings", number, "recall_id", detail="No such recall.")
        is_new = stored.get(reopening.recall_id) != reopening.opens_at
        if is_new and reopening.opens_at <= now:
            raise InvalidInput("reopenings", number, "opens_at", detail="Must lie in the future.")
    for recall_id in stored.keys() | planned.keys():
        if stored.get(recall_id) != planned.get(recall_id):
            repository.set_reopening(session, recall_id, planned.get(recall_id))


def _require_same_release(
    session: Session,
    administration_id: str,
    released: set[ReleasedComponent],
    now: datetime,
) -> None:
    """Require that the plan opens nothing, and closes a component with its own window only.

    Raises:
        Conflict: when a window that decides instead of another one would open or close something.
    """
    after = repository.released_in(session, administration_id)
    if after - released:
        raise Conflict(
            "opensWithoutApproval",
            "Without the windows that the plan removes, wider ones would open a component at once; "
            "give it a window with an `opensAt` of its own.",
        )
    windows: defaultdict[str, list[Window]] = defaultdict(list)
    for window in repository.windows_of(session, administration_id):
        windows[window.product].append(facts_of(window))
    facts = repository.component_facts(session, administration_id)
    for product, component_id in released - after:
        deciding = deciding_windows(windows[product], facts[component_id], Product(product))
        if not any(_has_closed(window, now) for window in deciding):
            raise Conflict(
                "windowHasOpened",
                "A window of the plan would decide about a component that is open, and close it; "
                "only `closesAt`, `never` or a recall may do that.",
            )


def _has_closed(window: Window, now: datetime) -> bool:
    return window.never or (window.closes_at is not None and window.closes_at <= now)
