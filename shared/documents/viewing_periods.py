"""The days on which the students of a target group can view their test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter

from shared.core.clock import in_brussels
from shared.releases.rules import Window

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ViewingPeriod:
    """Days of test viewing; both are inclusive, and a period without a last day is open."""

    from_on: date
    until_on: date | None

    def __post_init__(self) -> None:
        if self.until_on is not None and self.until_on < self.from_on:
            raise ValueError("a viewing period ends before it starts: correct its days")


def viewing_periods(
    windows: Sequence[Window], target_group_id: int
) -> tuple[ViewingPeriod, ...] | None:
    """Return the planned periods in order; None if the target group can never view its test.

    `windows` are those of test viewing. Windows of the target group decide, or else those of the
    whole administration.
    """
    own = [window for window in windows if window.target_group_id == target_group_id]
    deciding = own or [window for window in windows if window.specificity == 0]
    if any(window.never for window in deciding):
        return None
    periods = [
        ViewingPeriod(
            in_brussels(window.opens_at).date(),
            # The end of a window is exclusive.
            in_brussels(window.closes_at - _MOMENT).date() if window.closes_at else None,
        )
        for window in deciding
        if window.opens_at
    ]
    return tuple(sorted(periods, key=attrgetter("from_on")))
