"""Runs items of jobs, one after the other: claim, lease, work and settlement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import SystemRandom
from threading import Event, Thread
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Connection, event

from services.worker.metrics import ITEM_SECONDS, ITEMS
from shared.core.database import DATABASE_UNAVAILABLE, Sessions
from shared.core.errors import DomainError
from shared.core.logging import describe_error
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, repository
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import (
    State,
    attempt_failed,
    attempts_exhausted,
    cannot_be_done,
    lanes_in_turn,
    retry_delay_seconds,
)
from shared.jobs.service import end_when_complete
from shared.storage.store import STORE_AWAY

logger = structlog.get_logger(__name__)

MAY_PASS = (*DATABASE_UNAVAILABLE, *STORE_AWAY, OSError)
"""Errors of what an attempt leans on: tried again. Any other would only be repeated."""

HEARTBEATS_PER_LEASE = 3
LONGEST_BEAT_SECONDS = 1.0
"""How long it takes at the most until a worker knows that its item was cancelled."""


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


Perform = Callable[[UnitOfWork, Claim], Performed]


@dataclass(frozen=True, slots=True)
class Execution:
    """How this process runs items. A lease is renewed while the work goes on."""

    sessions: Sessions
    queue: WakeUpQueue
    performers: Mapping[str, Perform]
    lease: timedelta
    max_attempts: int
    interactive_weight: int
    stopping: Event = field(default_factory=Event)

    def run(self) -> None:
        """Takes items until none is due; calls the next worker when there is a first.

        So a single call sets all workers to work that have nothing to do, however many there are.
        """
        has_called = False
        while not self.stopping.is_set():
            claim = self._claim()
            if claim is None:
                return
            if not has_called:
                self._call_next(claim.kind)
                has_called = True
            self._run_item(claim)

    def _claim(self) -> Claim | None:
        lanes = lanes_in_turn(self.interactive_weight, SystemRandom())
        with UnitOfWork(self.sessions) as unit:
            return claims.claim(unit.session, self.performers, lanes, self.lease)

    def _call_next(self, kind: str) -> None:
        try:
            self.queue.wake(kind)
        except Exception as error:  # noqa: BLE001  # a sweeper will call
            logger.warning("worker_not_called", **describe_error(error))

    def _run_item(self, claim: Claim) -> None:
        began = monotonic()
        state = self._attempt(claim)
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

    def _attempt(self, claim: Claim) -> str:
        try:
            return self._perform_and_settle(claim)
        except LeaseLostError:
            return "lost"
        except DomainError as error:
            return self._settle_failed(claim, error.as_json())
        except MAY_PASS as error:
            self._log_failed(claim, error)
            return self._put_back(claim, type(error).__name__)
        except Exception as error:  # noqa: BLE001  # one bad item must not stop the others
            self._log_failed(claim, error)
            return self._settle_failed(claim, cannot_be_done(type(error).__name__))

    def _perform_and_settle(self, claim: Claim) -> str:
        with UnitOfWork(self.sessions) as unit:
            with self._signs_of_life(claim, unit.session.connection()):
                performed = self.performers[claim.kind](unit, claim)
            state = State.DONE if performed.problem is None else State.FAILED
            repository.add_failures(unit.session, claim.item_id, performed.failures)
            claims.settle(unit.session, claim, state, performed.outcome, performed.problem)
            end_when_complete(unit.session, claim.job_id)
        return state

    def _settle_failed(self, claim: Claim, problem: dict[str, Any]) -> str:
        try:
            with UnitOfWork(self.sessions) as unit:
                claims.settle(unit.session, claim, State.FAILED, {}, problem)
                end_when_complete(unit.session, claim.job_id)
        except LeaseLostError:
            return "lost"
        return State.FAILED

    def _put_back(self, claim: Claim, error: str) -> str:
        if claim.attempt >= self.max_attempts:
            return self._settle_failed(claim, attempts_exhausted(claim.attempt, error))
        delay = timedelta(seconds=retry_delay_seconds(claim.attempt, SystemRandom()))
        with UnitOfWork(self.sessions) as unit:
            held = claims.requeue(unit.session, claim, delay, attempt_failed(error))
        return State.QUEUED if held else "lost"

    @contextmanager
    def _signs_of_life(self, claim: Claim, connection: Connection) -> Iterator[None]:
        """Renews the lease; once it is lost, breaks off what `connection` does and will do.

        Ends before the item is settled: a sign of life would wait for the settled row, and this
        for the sign of life.
        """
        event.listen(connection, "before_cursor_execute", lambda *_: claim.require_held())
        driver: Any = connection.connection.driver_connection
        seconds = min(self.lease.total_seconds() / HEARTBEATS_PER_LEASE, LONGEST_BEAT_SECONDS)
        stopped = Event()

        def renew() -> None:
            while not stopped.wait(seconds):
                try:
                    with UnitOfWork(self.sessions) as unit:
                        held = claims.extend_lease(unit.session, claim, self.lease)
                    if not held:
                        claim.lost.set()
                        driver.cancel_safe()
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

    @staticmethod
    def _log_failed(claim: Claim, error: Exception) -> None:
        logger.warning(
            "job_item_attempt_failed", item_id=str(claim.item_id), **describe_error(error)
        )
