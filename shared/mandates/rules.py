"""Rules of the state of a mandate; the view `current_mandates` contains them in SQL."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class MandateState(StrEnum):
    PLANNED = "planned"
    IN_FORCE = "inForce"
    EXPIRED = "expired"
    REVOKED = "revoked"

    @property
    def is_over(self) -> bool:
        return self in {MandateState.EXPIRED, MandateState.REVOKED}


@dataclass(frozen=True, slots=True)
class Term:
    """The first and last day of a mandate, both included, and its revocation."""

    from_on: date
    until_on: date
    revoked_at: datetime | None = None


MAX_TERM_DAYS = 366
"""The longest term of a mandate by default, in days: a school year."""


def is_within(term: Term, max_days: int) -> bool:
    """Return True when the term has at most so many days, the first and last included."""
    return (term.until_on - term.from_on).days < max_days


def state_of(term: Term, today: date) -> MandateState:
    """Return the state on a day in Brussels; a revocation takes effect immediately."""
    if term.revoked_at is not None:
        return MandateState.REVOKED
    if today < term.from_on:
        return MandateState.PLANNED
    return MandateState.IN_FORCE if today <= term.until_on else MandateState.EXPIRED
