"""Rules of test viewing: the states of a registration, and until when a school can register."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from shared.core.clock import BRUSSELS, in_brussels


class RegistrationState(StrEnum):
    WAITING = "waiting"  # on the waiting list of a full slot
    OFFERED = "offered"  # has a place, if the school accepts it in time
    CONFIRMED = "confirmed"
    OPEN = "open"  # the student is at the desk
    CLOSED = "closed"  # the visit has ended
    CANCELLED = "cancelled"  # by the school
    EXPIRED = "expired"  # an offer that was not accepted in time, or a wait without an offer
    ANNULLED = "annulled"  # at the desk, with a reason


class AnnulmentReason(StrEnum):
    NO_SHOW = "noShow"
    NO_IDENTITY = "noIdentity"  # the student could not show who they are
    MISTAKE = "mistake"


PLACED = (
    RegistrationState.OFFERED,
    RegistrationState.CONFIRMED,
    RegistrationState.OPEN,
    RegistrationState.CLOSED,
)
"""The states that take a place of the slot; `takes_viewing_place` in the database is the same."""

CONFIRMED_ONCE = (
    RegistrationState.CONFIRMED,
    RegistrationState.OPEN,
    RegistrationState.CLOSED,
)
"""The states of which there is a confirmation."""

LIVE = (RegistrationState.WAITING, *PLACED)
"""The states of which a student has at most one registration."""

CHANGEABLE = (
    RegistrationState.WAITING,
    RegistrationState.OFFERED,
    RegistrationState.CONFIRMED,
)
"""The states in which a school can move or cancel a registration."""


def registration_ends_at(day: date, deadline_days: int) -> datetime:
    """Return when registration for a day ends: a midnight in Brussels, so many days before it.

    With three days, one can register for a Thursday until the end of the Monday before it.
    """
    last = day - timedelta(days=deadline_days)
    return datetime.combine(last + timedelta(days=1), time(), BRUSSELS)


def offer_ends_at(now: datetime, offer_hours: int, ends_at: datetime) -> datetime:
    """Return when an offer made now expires: registration ends at `ends_at` in any case."""
    return min(now + timedelta(hours=offer_hours), ends_at)


@dataclass(frozen=True, slots=True)
class PlannedSettings:
    """The settings of the viewing of an administration, as in `ViewingSettings`."""

    companions: int = 1
    deadline_days: int = 3
    margin_minutes: int = 15
    school_quota: int | None = None
    offer_hours: int = 24
    retention_days: int = 30


@dataclass(frozen=True, slots=True)
class PlannedDuty:
    """The duty of an officer's client, or of a person (`subject`) for whom a portal acts."""

    client_id: UUID
    subject: str | None
    location_id: UUID
    day: date


@dataclass(frozen=True, slots=True)
class Period:
    """The time of a slot: two instants of one day in Brussels."""

    starts_at: datetime
    ends_at: datetime

    @property
    def day(self) -> date:
        return in_brussels(self.starts_at).date()


def periods_of_day(opens_at: datetime, closes_at: datetime, minutes: int) -> list[Period]:
    """Return the slots of a day of so many minutes each, without a break; the rest is left out.

    A slot lasts as long on a day on which the clocks change.
    """
    length, periods, starts_at = timedelta(minutes=minutes), [], opens_at.astimezone(UTC)
    while starts_at + length <= closes_at:
        periods.append(Period(starts_at, starts_at + length))
        starts_at += length
    return periods
