"""The release gate as pure rules; the database enforces the same rules in SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.access.products import Product
from shared.releases.openings import OpeningFacts, is_effective

CALIBRATION_PRODUCTS = frozenset({Product.SCHOOL_FEEDBACK})
"""The products that calibrations can be part of."""


class GateState(StrEnum):
    """The state of a release window at one instant."""

    OPEN = "open"
    PLANNED = "planned"  # closed, with an effective moment still to come
    BLOCKED = "blocked"  # closed: its effective moment came without the approvals that open it
    RECALLED = "recalled"  # closed by a recall of all that it opens
    CLOSED = "closed"  # closed, without an effective moment or after its end
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ComponentFacts:
    """The facts of a component that decide which windows cover it."""

    target_group_id: int
    component_id: int
    is_calibration: bool


@dataclass(frozen=True, slots=True)
class Window:
    """The facts of one release window; instants carry an offset.

    At most one of the ids is set: a window of a component covers it in any target group. A window
    from `before_plans` opens without an opening.
    """

    target_group_id: int | None
    component_id: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    never: bool
    before_plans: bool = False

    @property
    def specificity(self) -> int:
        """The rank of the window's scope: 2 for a component, 1 for a target group, 0 for all."""
        return (self.component_id is not None) * 2 + (self.target_group_id is not None)

    def covers(self, component: ComponentFacts) -> bool:
        if self.component_id is not None:
            return self.component_id == component.component_id
        return self.target_group_id in {None, component.target_group_id}


@dataclass(frozen=True, slots=True)
class Recalled:
    """The scope of a recall of one product, and the opening that ends it, if one is planned."""

    target_group_id: int | None = None
    component_id: int | None = None
    school_id: str | None = None
    reopening: OpeningFacts | None = None

    def covers(self, component: ComponentFacts) -> bool:
        if self.component_id is not None:
            return self.component_id == component.component_id
        return self.target_group_id in {None, component.target_group_id}

    def is_active(self, at: datetime) -> bool:
        return self.reopening is None or not is_effective(self.reopening, at)


def gate_state(
    window: Window | None, at: datetime, *, is_opened: bool, is_recalled: bool = False
) -> GateState:
    """Return the state of a window; it is open from `opens_at` up to, not including, `closes_at`.

    Without a window the gate is closed. `is_opened` says that its opening is effective.
    """
    if window is None:
        return GateState.CLOSED
    if window.never:
        return GateState.NEVER
    if window.opens_at is None or (window.closes_at is not None and at >= window.closes_at):
        return GateState.CLOSED
    if at < window.opens_at:
        return GateState.PLANNED
    if not (window.before_plans or is_opened):
        return GateState.BLOCKED
    return GateState.RECALLED if is_recalled else GateState.OPEN


def deciding_windows(
    windows: Iterable[Window], component: ComponentFacts, product: Product
) -> list[Window]:
    """Return the windows of the most specific scope that covers the component and has any window.

    Only a window that names a calibration decides about it, and only in a product that
    calibrations can be part of. `windows` are those of one administration and the product.
    """
    covering = [
        window
        for window in windows
        if window.covers(component)
        and (not component.is_calibration or _decides_about_calibration(window, product))
    ]
    highest = max((window.specificity for window in covering), default=0)
    return [window for window in covering if window.specificity == highest]


@dataclass(frozen=True, slots=True)
class Gate:
    """The facts of one administration and product that decide what is released."""

    windows: Sequence[Window]
    openings: Sequence[OpeningFacts] = ()
    recalls: Sequence[Recalled] = ()

    def is_released(
        self,
        component: ComponentFacts,
        product: Product,
        at: datetime,
        school_id: str | None = None,
    ) -> bool:
        """Return True if one of the deciding windows is open, and no recall has closed it."""
        deciding = deciding_windows(self.windows, component, product)
        return any(self._is_open(window, component, at) for window in deciding) and not any(
            recall.covers(component) and not self._has_ended(recall, component, at)
            for recall in self.recalls
            if recall.school_id in {None, school_id}
        )

    def _has_ended(self, recall: Recalled, component: ComponentFacts, at: datetime) -> bool:
        """Return True if an opening ended the recall, and it or a later one has the component.

        The recall of a school ends for all components: the rows of schools know no others.
        """
        if recall.reopening is None or recall.is_active(at):
            return False
        ends_at = recall.reopening.opens_at
        reopenings = [
            one.reopening for one in self.recalls if one.reopening and one.school_id is None
        ]
        return recall.school_id is not None or any(
            opening.opens_at >= ends_at and _has_opened(opening, component, at)
            for opening in (*self.openings, *reopenings)
        )

    def _is_open(self, window: Window, component: ComponentFacts, at: datetime) -> bool:
        """Return True if a window is open for a component: one that its manifest has, that is."""
        is_opened = any(
            opening.opens_at == window.opens_at and _has_opened(opening, component, at)
            for opening in self.openings
        )
        return gate_state(window, at, is_opened=is_opened) is GateState.OPEN


def _has_opened(opening: OpeningFacts, component: ComponentFacts, at: datetime) -> bool:
    """Return True if the opening is effective, and has the component in its manifest."""
    return (
        is_effective(opening, at) and component.component_id in opening.manifests[-1].component_ids
    )


def is_left_out(windows: Iterable[Window], component: ComponentFacts, product: Product) -> bool:
    """Return True if documents of the product do not show the component.

    That is the case for a component that is never released, and for a calibration without a window
    of its own.
    """
    deciding = deciding_windows(windows, component, product)
    return any(window.never for window in deciding) or (component.is_calibration and not deciding)


def overlaps(first: Window, second: Window) -> bool:
    """Return True if two windows of one administration and product cannot both exist.

    Only windows of the same target group and component overlap. `never` overlaps every other
    window, a window without `opens_at` another one without, and of two windows with `opens_at`
    neither may open before the other has closed.
    """
    if _scope(first) != _scope(second):
        return False
    if first.never or second.never:
        return True
    if first.opens_at is None or second.opens_at is None:
        return first.opens_at is second.opens_at
    return _opens_before_end(first.opens_at, second) and _opens_before_end(second.opens_at, first)


def _decides_about_calibration(window: Window, product: Product) -> bool:
    return product in CALIBRATION_PRODUCTS and window.component_id is not None


def _scope(window: Window) -> tuple[int | None, int | None]:
    return window.target_group_id, window.component_id


def _opens_before_end(opens_at: datetime, window: Window) -> bool:
    return window.closes_at is None or opens_at < window.closes_at
