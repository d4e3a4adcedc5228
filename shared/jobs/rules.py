"""Pure rules of jobs: lanes, retry delays, the final state, and the pace that clients see."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Any

from shared.core.errors import DomainError

BUILD_DOCUMENTS = "documents.build"
APPLY_DELIVERY = "deliveries.apply"
VERIFY_OPENING = "openings.verify"
CHECK_OPENING = "openings.check"
COMPUTE_FEEDBACK = "feedback.compute"
KINDS = (BUILD_DOCUMENTS, APPLY_DELIVERY, VERIFY_OPENING, CHECK_OPENING, COMPUTE_FEEDBACK)
"""Every kind of job; the worker has an actor of the same name for each."""


class Lane(StrEnum):
    """A class of priority, so that work for one waiting person does not queue behind bulk work."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED})

UNINTERRUPTED = frozenset({APPLY_DELIVERY})
"""Kinds whose running items are not cancelled.

A delivery that is rolled back leaves no trace in the audit log, although locks and statistics have
shown how it fits what is stored.
"""

INITIAL_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 300.0
MAX_WAIT_SECONDS = 20.0
"""The longest delay of an item that waits for a server: it goes on soon after the server does."""

PACE_PERIOD = timedelta(seconds=30)
"""The latest period of a job over which its pace is measured."""

MIN_POLL_DELAY, DEFAULT_POLL_DELAY, MAX_POLL_DELAY = (timedelta(seconds=n) for n in (1, 2, 30))


@dataclass(frozen=True, slots=True)
class Counts:
    """The items of one job by state, and `failures` inside items that are otherwise done.

    `waiting_for` names a server that active items wait for, and why.
    """

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    failures: int = 0
    waiting_for: str | None = None

    @property
    def total(self) -> int:
        return self.queued + self.running + self.done + self.failed + self.cancelled

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.cancelled

    @property
    def all_failures(self) -> int:
        """The number of rows in the list of failures."""
        return self.failed + self.failures


@dataclass(frozen=True, slots=True)
class Pace:
    """The current speed of a job, and the time that the rest takes at this speed."""

    items_per_second: float
    remaining: timedelta


def pace_of(counts: Counts, ended_recently: int, period: timedelta) -> Pace | None:
    """Return the pace over the latest `period`; None when no item ended in it."""
    if not ended_recently or not period:
        return None
    per_second = ended_recently / period.total_seconds()
    return Pace(per_second, timedelta(seconds=(counts.total - counts.ended) / per_second))


def poll_delay(pace: Pace | None) -> timedelta:
    """Return the delay before the next poll: a tenth of the remaining time, within bounds."""
    if pace is None:
        return DEFAULT_POLL_DELAY
    return min(max(pace.remaining / 10, MIN_POLL_DELAY), MAX_POLL_DELAY)


def choose_lane_order(interactive_weight: int, random: Random) -> tuple[Lane, Lane]:
    """Return the lanes in the order of this claim, by weighted random choice.

    Neither lane starves the other. While both have work, `interactive_weight` interactive items are
    claimed for each bulk item, on average.
    """
    if random.random() * (interactive_weight + 1) < interactive_weight:
        return Lane.INTERACTIVE, Lane.BULK
    return Lane.BULK, Lane.INTERACTIVE


def attempts_exhausted_problem(attempts: int, error: str = "no heartbeat") -> dict[str, Any]:
    """Return the problem of an item without attempts left; `error` is a type, never a message."""
    return DomainError(
        "attemptsExhausted",
        f"It failed {attempts} times; the last attempt ended with: {error}. Look up the item in "
        "the worker's log, fix the cause, and retry the job.",
    ).as_json()


def attempt_failed_problem(error: str) -> dict[str, Any]:
    """Return the problem of an item that waits for its next attempt."""
    return DomainError("attemptFailed", f"An attempt ended with: {error}.").as_json()


def unexpected_error_problem(error: str) -> dict[str, Any]:
    """Return the problem of an item that failed with an error that would occur again."""
    return DomainError(
        "unexpectedError",
        f"It failed with {error}, which another attempt would not fix. Look up the item in the "
        "worker's log, fix the cause, and retry the job.",
    ).as_json()


def partly_failed_problem(counts: Counts) -> dict[str, Any] | None:
    """Return the problem of a job that is done, but not all of it; None without failures."""
    if not counts.all_failures:
        return None
    return DomainError(
        "partlyFailed",
        f"Failed: {counts.failed} of {counts.total} items, and {counts.failures} parts of the "
        "others. `failures` has the reasons; correct them, and retry the job.",
    ).as_json()


def retry_delay_seconds(attempt: int, random: Random) -> float:
    """Return the delay after a failed attempt: exponential backoff, with a jitter of up to a half.

    `attempt` counts from 1.
    """
    longest: float = min(INITIAL_RETRY_SECONDS * 2 ** (attempt - 1), MAX_RETRY_SECONDS)
    return longest * (0.5 + random.random() / 2)


def wait_delay_seconds(waits: int, random: Random) -> float:
    """Return the delay of an item that waits for a server, after so many waits in a row."""
    longest: float = min(INITIAL_RETRY_SECONDS * 2 ** min(waits, 10), MAX_WAIT_SECONDS)
    return longest * (0.5 + random.random() / 2)


def final_state(counts: Counts) -> State:
    """Return the final state of a job whose items have all ended.

    A job with some failures is `done`, with a problem that counts them. It has `failed` only if no
    item is done.
    """
    if counts.done:
        return State.DONE
    if counts.failed:
        return State.FAILED
    return State.CANCELLED if counts.cancelled else State.DONE
