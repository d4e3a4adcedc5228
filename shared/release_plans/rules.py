"""The rules of changes to a release plan, and the state of an opening, as pure functions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar
from uuid import UUID

from shared.access.products import Product
from shared.core.errors import Conflict, InvalidInput
from shared.release_plans.plan import WindowTimes
from shared.releases.openings import OpeningFacts, blocker_of
from shared.releases.rules import Window, overlaps


class WindowScope(NamedTuple):
    """The scope of a window: a target group, a component, or without ids the administration."""

    product: Product
    target_group_id: int | None
    component_id: int | None


@dataclass(frozen=True, slots=True)
class ScopedWindow:
    """A window to be saved; `number` is its place in the plan."""

    number: int
    scope: WindowScope
    times: WindowTimes

    def facts(self) -> Window:
        _, target_group_id, component_id = self.scope
        times = self.times
        return Window(target_group_id, component_id, times.opens_at, times.closes_at, times.never)


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A stored window; `has_opened` says that it is open, or recalled."""

    id: UUID
    scope: WindowScope
    times: WindowTimes
    has_opened: bool


Scoped = TypeVar("Scoped", StoredWindow, ScopedWindow)


@dataclass(slots=True)
class PlanChanges:
    """The differences between the stored windows and those of a plan.

    A window that keeps its effective moment is changed; one that gets another is moved.
    """

    removed: list[StoredWindow] = field(default_factory=list)
    changed: list[tuple[StoredWindow, ScopedWindow]] = field(default_factory=list)
    moved: list[tuple[StoredWindow, ScopedWindow]] = field(default_factory=list)
    added: list[ScopedWindow] = field(default_factory=list)


def require_valid(windows: Sequence[ScopedWindow]) -> None:
    """Raise InvalidInput for times that contradict each other; Conflict when windows overlap."""
    for window in windows:
        _require_order(window)
    for scope in _by_scope(windows).values():
        for place, window in enumerate(scope):
            if any(overlaps(window.facts(), other.facts()) for other in scope[:place]):
                raise Conflict(
                    "releaseWindowExists",
                    f"Window {window.number + 1} overlaps another one of the plan for the same "
                    "product, target group and component; choose other times.",
                )


def changes_of(stored: Sequence[StoredWindow], planned: Sequence[ScopedWindow]) -> PlanChanges:
    """Return the changes that make the stored windows those of the plan, as few as possible."""
    changes = PlanChanges()
    before, after = _by_scope(stored), _by_scope(planned)
    for scope in before | after:
        _add_changes(changes, before[scope], after[scope])
    return changes


def require_allowed(changes: PlanChanges, now: datetime) -> None:
    """Require that nothing opens in the past, and that what is open stays in the plan.

    Raises:
        InvalidInput: when a window gets an effective moment that has passed.
        Conflict: when a window that has opened is moved or removed.
    """
    for window in (*changes.added, *(window for _, window in changes.moved)):
        opens_at = window.times.opens_at
        if opens_at is not None and opens_at <= now:
            raise InvalidInput(
                "windows",
                window.number,
                "opens_at",
                detail="Must lie in the future: nothing opens without approvals before it.",
            )
    for window_before in (*changes.removed, *(one for one, _ in changes.moved)):
        if window_before.has_opened:
            raise Conflict(
                "windowHasOpened",
                f"A window of {window_before.scope.product.value} has opened: only `closesAt`, "
                "`never` or a recall closes it. Keep it in the plan with its `opensAt`.",
            )


class OpeningState(StrEnum):
    """The state of an opening at one instant."""

    PLANNED = "planned"  # to come, and something is missing yet
    READY = "ready"  # to come, verified and approved
    OPEN = "open"
    BLOCKED = "blocked"  # its moment came without the approvals that open it
    WITHDRAWN = "withdrawn"  # the plan no longer has it


def opening_state(facts: OpeningFacts, at: datetime, *, is_planned: bool) -> OpeningState:
    """Return the state of an opening; `is_planned` says that the plan still opens something."""
    has_passed, is_approved = at >= facts.opens_at, blocker_of(facts) is None
    if has_passed and is_approved:
        return OpeningState.OPEN
    if not is_planned:
        return OpeningState.WITHDRAWN
    if has_passed:
        return OpeningState.BLOCKED
    return OpeningState.READY if is_approved else OpeningState.PLANNED


def _require_order(window: ScopedWindow) -> None:
    times, place = window.times, ("windows", window.number)
    if times.never and (times.opens_at is not None or times.closes_at is not None):
        raise InvalidInput(
            *place, "never", detail="A window that never opens has no opening or closing moment."
        )
    if times.closes_at is None:
        return
    if times.opens_at is None:
        detail = "A window that closes needs an opening moment."
    elif times.closes_at <= times.opens_at:
        detail = "Must be later than the opening moment."
    else:
        return
    raise InvalidInput(*place, "closes_at", detail=detail)


def _by_scope(windows: Iterable[Scoped]) -> defaultdict[WindowScope, list[Scoped]]:
    found: defaultdict[WindowScope, list[Scoped]] = defaultdict(list)
    for window in windows:
        found[window.scope].append(window)
    return found


def _add_changes(
    changes: PlanChanges, stored: list[StoredWindow], planned: list[ScopedWindow]
) -> None:
    for window in list(planned):
        same = next((one for one in stored if _keeps_moment(one, window)), None)
        if same is not None:
            stored.remove(same)
            planned.remove(window)
            if same.times != window.times:
                changes.changed.append((same, window))
    stored.sort(key=lambda window: not window.has_opened)
    pairs = list(zip(stored, planned, strict=False))
    for before, after in pairs:
        (changes.changed if after.times.never else changes.moved).append((before, after))
    changes.removed.extend(stored[len(pairs) :])
    changes.added.extend(planned[len(pairs) :])


def _keeps_moment(stored: StoredWindow, planned: ScopedWindow) -> bool:
    before, after = stored.times, planned.times
    return before.never == after.never and before.opens_at == after.opens_at
