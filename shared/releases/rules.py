"""The gate as one pure rule; the view `released_components` states the same in SQL."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.access.products import STUDENT_FEEDBACK

PRODUCTS = (STUDENT_FEEDBACK,)
"""The products that windows open."""


class GateState(StrEnum):
    """What a window says at one instant."""

    OPEN = "open"
    PLANNED = "planned"  # closed, with an effective moment still to come
    CLOSED = "closed"  # closed, with none, or after its end
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Window:
    """The facts of one release window; instants carry an offset."""

    target_group_id: int | None
    component_id: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    never: bool

    @property
    def specificity(self) -> int:
        return (self.component_id is not None) * 2 + (self.target_group_id is not None)

    def covers(self, target_group_id: int, component_id: int) -> bool:
        return self.target_group_id in {None, target_group_id} and self.component_id in {
            None,
            component_id,
        }


def gate_state(window: Window | None, at: datetime) -> GateState:
    """No window is closed; it opens at `opens_at` exactly and is closed again at `closes_at`."""
    if window is None:
        return GateState.CLOSED
    if window.never:
        return GateState.NEVER
    if window.opens_at is None or (window.closes_at is not None and at >= window.closes_at):
        return GateState.CLOSED
    return GateState.OPEN if at >= window.opens_at else GateState.PLANNED


def decisive_window(
    windows: Iterable[Window], target_group_id: int, component_id: int
) -> Window | None:
    """The most specific window that covers the component; it decides alone.

    `windows` are those of one administration and product, at most one per scope.
    """
    covering = [window for window in windows if window.covers(target_group_id, component_id)]
    return max(covering, key=lambda window: window.specificity, default=None)


def is_released(
    windows: Iterable[Window],
    target_group_id: int,
    component_id: int,
    *,
    is_calibration: bool,
    at: datetime,
) -> bool:
    """Whether student feedback on a component may be seen; a calibration never may."""
    if is_calibration:
        return False
    window = decisive_window(windows, target_group_id, component_id)
    return gate_state(window, at) is GateState.OPEN
