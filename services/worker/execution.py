"""Runs one item of a job: claim, lease, work and settlement, each in the transaction it needs."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from services.worker.metrics import ITEM_SECONDS, ITEMS
from shared.core.database import Sessions, transaction
from shared.core.errors import OWN, Problem
from shared.core.logging import describe_error
from shared.jobs import claims, repository
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.rules import State, retry_delay_seconds
from shared.jobs.service import end_when_complete

logger = structlog.get_logger(__name__)

HEARTBEATS_PER_LEASE = 3


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of an item.

    `outcome` holds counts by name; `failures` are what could not be made while the rest was, as
    (opaque subject, problem). With a `problem` the item as a whole has failed, for good, and yet
    what was written stands.
    """

    outcome: dict[str, int]
    failures: Sequence[tuple[str, dict[str, Any]]] = field(default=())
    problem: dict[str, Any] | None = None


Perform = Callable[[Session, Claim], Performed]


@dataclass(frozen=True, slots=True)
class Execution:
    """How this process runs items. A lease is renewed while the work goes on."""

    sessions: Sessions
    lease: timedelta
    max_attempts: int

    def run(self, item_id: UUID, perform: Perform) -> None:
        """Does nothing for an item that is not due, or is someone else's."""
        claim = self._claim(item_id)
        if claim is None:
            return
        began = monotonic()
        with self._signs_of_life(claim):
            state = self._attempt(claim, perform)
        seconds = monotonic() - began
        ITEMS.labels(kind=claim.kind, state=state).inc()
        ITEM_SECONDS.labels(kind=claim.kind).observe(seconds)
        logger.info(
            "job_item",
            kind=claim.kind,
            job_id=str(claim.job_id),
            item_id=str(claim.item_id),
            subject=claim.subject,
            attempt=claim.attempt,
            state=state,
            ms=round(seconds * 1000),
        )

    def _claim(self, item_id: UUID) -> Claim | None:
        with transaction(self.sessions) as session:
            claim = claims.claim(session, item_id, self.lease)
            if claim is not None and claim.attempt > self.max_attempts:
                claims.settle(session, claim, State.FAILED, {}, _exhausted(claim.attempt - 1))
                end_when_complete(session, claim.job_id)
                return None
        return claim

    def _attempt(self, claim: Claim, perform: Perform) -> str:
        try:
            return self._perform_and_settle(claim, perform)
        except LeaseLostError:
            return "lost"
        except Problem as problem:
            return self._settle_failed(claim, problem.as_json())
        except Exception as error:  # noqa: BLE001  # whatever it is, the item must be put back
            logger.warning(
                "job_item_attempt_failed", item_id=str(claim.item_id), **describe_error(error)
            )
            return self._put_back(claim, error)

    def _perform_and_settle(self, claim: Claim, perform: Perform) -> str:
        with transaction(self.sessions) as session:
            performed = perform(session, claim)
            state = State.DONE if performed.problem is None else State.FAILED
            repository.replace_failures(session, claim.item_id, performed.failures)
            claims.settle(session, claim, state, performed.outcome, performed.problem)
            end_when_complete(session, claim.job_id)
        return state

    def _settle_failed(self, claim: Claim, problem: dict[str, Any]) -> str:
        try:
            with transaction(self.sessions) as session:
                claims.settle(session, claim, State.FAILED, {}, problem)
                end_when_complete(session, claim.job_id)
        except LeaseLostError:
            return "lost"
        return State.FAILED

    def _put_back(self, claim: Claim, error: Exception) -> str:
        if claim.attempt >= self.max_attempts:
            return self._settle_failed(claim, _exhausted(claim.attempt, type(error).__name__))
        delay = timedelta(seconds=retry_delay_seconds(claim.attempt, random.SystemRandom()))
        with transaction(self.sessions) as session:
            held = claims.put_back(session, claim, delay, _passing(type(error).__name__))
        return State.QUEUED if held else "lost"

    @contextmanager
    def _signs_of_life(self, claim: Claim) -> Iterator[None]:
        stopped = Event()

        def renew() -> None:
            while not stopped.wait(self.lease.total_seconds() / HEARTBEATS_PER_LEASE):
                try:
                    with transaction(self.sessions) as session:
                        if not claims.extend_lease(session, claim, self.lease):
                            return
                except Exception as error:  # noqa: BLE001  # the next beat may get through
                    logger.warning("lease_not_renewed", **describe_error(error))

        beat = Thread(target=renew, name=f"lease-{claim.item_id}", daemon=True)
        beat.start()
        try:
            yield
        finally:
            stopped.set()
            beat.join()


def _exhausted(attempts: int, error: str = "no sign of life") -> dict[str, Any]:
    return Problem(
        f"{OWN}attemptsExhausted",
        "Attempts Exhausted",
        500,
        f"It was tried {attempts} times; the last attempt ended with: {error}. Look in the "
        "worker's log for the item, mend the cause, and retry the job.",
    ).as_json()


def _passing(error: str) -> dict[str, Any]:
    return Problem(
        f"{OWN}attemptFailed", "Attempt Failed", 500, f"An attempt ended with: {error}."
    ).as_json()
