"""How jobs move: lanes, retry delays, and what a client is told about progress; pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Any

from shared.core.errors import DomainError

BUILD_DOCUMENTS = "documents.build"
APPLY_DELIVERY = "deliveries.apply"
KINDS = (BUILD_DOCUMENTS, APPLY_DELIVERY)
"""Every kind of job; the worker has one actor of the same name for each."""


class Lane(StrEnum):
    """Work that a person waits for does not stand behind a country."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED})

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0

PACE_OVER = timedelta(seconds=30)
"""The latest stretch of a job over which its pace is measured."""

SOONEST_POLL, USUAL_POLL, LATEST_POLL = (timedelta(seconds=n) for n in (1, 2, 30))


@dataclass(frozen=True, slots=True)
class Counts:
    """Items of one job by state, and `failures` inside items that are otherwise done."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    failures: int = 0

    @property
    def total(self) -> int:
        return self.queued + self.running + self.done + self.failed + self.cancelled

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast items of a job end at present, and how long the rest takes if they go on so."""

    items_per_second: float
    remaining: timedelta


def pace_of(counts: Counts, ended_lately: int, stretch: timedelta) -> Pace | None:
    """None when nothing ended in the latest `stretch`: then nobody can tell."""
    if not ended_lately or not stretch:
        return None
    per_second = ended_lately / stretch.total_seconds()
    return Pace(per_second, timedelta(seconds=(counts.total - counts.ended) / per_second))


def poll_delay(pace: Pace | None) -> timedelta:
    """When it is worth looking again: after a tenth of what remains, within bounds."""
    if pace is None:
        return USUAL_POLL
    return min(max(pace.remaining / 10, SOONEST_POLL), LATEST_POLL)


def lanes_in_turn(interactive_weight: int, random: Random) -> tuple[Lane, Lane]:
    """In which order to look for work, by lot, so that neither lane ever starves the other.

    Where both have work, `interactive_weight` interactive items are taken for one of the bulk.
    """
    if random.random() * (interactive_weight + 1) < interactive_weight:
        return Lane.INTERACTIVE, Lane.BULK
    return Lane.BULK, Lane.INTERACTIVE


def attempts_exhausted(attempts: int, error: str = "no sign of life") -> dict[str, Any]:
    """Why an item failed that was tried often enough; `error` is a kind, never a message."""
    return DomainError(
        "attemptsExhausted",
        f"It was tried {attempts} times; the last attempt ended with: {error}. Look up the item in "
        "the worker's log, fix the cause, and retry the job.",
    ).as_json()


def attempt_failed(error: str) -> dict[str, Any]:
    """Why an item waits for its next attempt."""
    return DomainError("attemptFailed", f"An attempt ended with: {error}.").as_json()


def cannot_be_done(error: str) -> dict[str, Any]:
    """Why an item failed at once: what went wrong would go wrong again."""
    return DomainError(
        "unexpectedError",
        f"It ended with {error}, which another attempt would not fix. Look up the item in the "
        "worker's log, fix the cause, and retry the job.",
    ).as_json()


def retry_delay_seconds(attempt: int, random: Random) -> float:
    """Doubles with each attempt (1 = the first that failed), jittered down by up to a half."""
    longest: float = min(FIRST_RETRY_SECONDS * 2 ** (attempt - 1), LONGEST_RETRY_SECONDS)
    return longest * (0.5 + random.random() / 2)


def ended_state(counts: Counts) -> State:
    """How a job ends whose items have all ended.

    One with failures ends `done` and its counts say so; only where nothing at all came of it has
    it failed.
    """
    if counts.done:
        return State.DONE
    if counts.failed:
        return State.FAILED
    return State.CANCELLED if counts.cancelled else State.DONE
