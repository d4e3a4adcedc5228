"""Execution of job items: claim, lease, handler and settlement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import SystemRandom
from threading import BoundedSemaphore, Event
from time import monotonic
from typing import Any, NamedTuple

import structlog

from services.worker.conditions import AnotherAttempt, Waiting, classify
from services.worker.heartbeat import HEARTBEATS_PER_LEASE, heartbeat
from services.worker.metrics import ITEM_SECONDS, ITEMS
from services.worker.pause import Pause
from services.worker.queue_log import QUEUE_ERRORS, QueueLog
from services.worker.short_units import short_unit
from shared.core.database import Sessions
from shared.core.errors import DomainError
from shared.core.logging import describe_error
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, repository
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import (
    State,
    attempt_failed_problem,
    attempts_exhausted_problem,
    choose_lane_order,
    retry_delay_seconds,
    unexpected_error_problem,
    wait_delay_seconds,
)
from shared.jobs.service import end_when_complete

logger = structlog.get_logger(__name__)

LEASE_LOST = "lost"
"""The outcome of an attempt whose item was cancelled or taken over."""
WAITING = "waiting"
"""The outcome of an attempt that does not count: the item waits for a server."""


class ItemFailure(NamedTuple):
    """A part of an item that failed, by an opaque subject."""

    subject: str
    problem: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HandlerResult:
    """The result of a handler.

    `outcome` has counts by name. `failures` are parts that failed while the others succeeded. With
    a `problem` the item as a whole has failed permanently, yet the handler's writes are committed.
    """

    outcome: dict[str, int]
    failures: Sequence[ItemFailure] = field(default=())
    problem: dict[str, Any] | None = None


Handler = Callable[[UnitOfWork, Claim], HandlerResult]
"""A handler ends its reading before it does long work without the database: a server ends a
transaction that is idle. What it writes is committed together with the settlement."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A runner of job items in this process, which renews the lease of an item while it runs.

    `handlers` are by job kind. At most `threads` items run at the same time.
    """

    sessions: Sessions
    queue: WakeUpQueue
    handlers: Mapping[str, Handler]
    lease: timedelta
    max_attempts: int
    interactive_weight: int
    threads: int = 1
    stopping: Event = field(default_factory=Event)
    queue_log: QueueLog = field(default_factory=QueueLog)
    _slots: BoundedSemaphore = field(init=False)
    _pause: Pause = field(init=False, default_factory=Pause)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", BoundedSemaphore(self.threads))

    def run(self) -> None:
        """Run items until none is due; wake another worker if there is a first one.

        So one wake-up reaches all idle workers, whatever their number.
        """
        with self._slots:
            self._run_due_items()

    def run_if_idle(self) -> None:
        """Run due items, unless all threads of this process already do."""
        if self._slots.acquire(blocking=False):
            try:
                self._run_due_items()
            finally:
                self._slots.release()

    def _run_due_items(self) -> None:
        has_woken = False
        while not (self.stopping.is_set() or self._pause.is_active()):
            claim = self._claim()
            if claim is None:
                return
            if not has_woken:
                self._wake_worker(claim.kind)
                has_woken = True
            self._run_item(claim)

    def _claim(self) -> Claim | None:
        lanes = choose_lane_order(self.interactive_weight, SystemRandom())
        with short_unit(self.sessions, self.lease) as unit:
            return claims.claim(unit.session, self.handlers, lanes, self.lease)

    def _wake_worker(self, kind: str) -> None:
        try:
            self.queue.wake(kind)
        except QUEUE_ERRORS as error:  # idle workers also poll
            self.queue_log.record_failure(error)
        except Exception as error:  # noqa: BLE001  # idle workers also poll
            logger.warning("worker_wake_up_failed", **describe_error(error))

    def _run_item(self, claim: Claim) -> None:
        """Run an item; every line that is logged meanwhile has its ids and its job's trace id."""
        ids = {"job_id": str(claim.job_id), "item_id": str(claim.item_id)}
        trace = {} if claim.trace_id is None else {"trace_id": claim.trace_id}
        with structlog.contextvars.bound_contextvars(**ids, **trace):
            self._attempt_and_log(claim)

    def _attempt_and_log(self, claim: Claim) -> None:
        started = monotonic()
        state = self._attempt(claim)
        seconds = monotonic() - started
        ITEMS.labels(kind=claim.kind, state=state).inc()
        ITEM_SECONDS.labels(kind=claim.kind).observe(seconds)
        logger.info(
            "job_item_attempted",
            kind=claim.kind,
            subject=claim.subject,
            attempt=claim.attempt,
            state=state,
            ms=round(seconds * 1000),
        )

    def _attempt(self, claim: Claim) -> str:
        try:
            state = self._handle_and_settle(claim)
        except LeaseLostError:
            return LEASE_LOST
        except DomainError as error:
            problem = error.as_json()
            return self._record(lambda: self._settle_failed(claim, problem))
        except Exception as error:  # noqa: BLE001  # one bad item must not stop the others
            return self._end_attempt(claim, error)
        self._pause.end()
        return state

    def _end_attempt(self, claim: Claim, error: Exception) -> str:
        """Let the item wait, try it again, or let it fail, depending on the error."""
        found, name = classify(error), type(error).__name__
        if isinstance(found, Waiting):
            logger.warning("job_item_waits", waiting_for=str(found), **describe_error(error))
            self._pause.begin()
            return self._record(lambda: self._wait(claim, found))
        logger.warning("job_item_attempt_failed", **describe_error(error))
        if isinstance(found, AnotherAttempt):
            return self._record(lambda: self._requeue(claim, name))
        return self._record(lambda: self._settle_failed(claim, unexpected_error_problem(name)))

    def _record(self, write: Callable[[], str]) -> str:
        """Write how an attempt has ended, as soon as the database is there for it.

        Until then this thread has nothing else to do: other items need the database, too.
        """
        waits = 0
        while True:
            try:
                return write()
            except LeaseLostError:
                return LEASE_LOST
            except Exception as error:
                if not isinstance(classify(error), Waiting):
                    raise
                logger.warning("job_item_end_not_recorded", **describe_error(error))
            longest = self.lease.total_seconds() / HEARTBEATS_PER_LEASE
            if self.stopping.wait(min(wait_delay_seconds(waits, SystemRandom()), longest)):
                return LEASE_LOST
            waits += 1

    def _handle_and_settle(self, claim: Claim) -> str:
        claim.require_readable()
        unit = UnitOfWork(self.sessions)
        session = unit.session
        with heartbeat(self.sessions, claim, self.lease, session) as end_renewals, unit:
            result = self.handlers[claim.kind](unit, claim)
            end_renewals()
            state = State.DONE if result.problem is None else State.FAILED
            repository.add_failures(session, claim.item_id, result.failures)
            claims.settle(session, claim, state, result.outcome, result.problem)
            end_when_complete(session, claim.job_id)
        return state

    def _settle_failed(self, claim: Claim, problem: dict[str, Any]) -> str:
        with short_unit(self.sessions, self.lease) as unit:
            claims.settle(unit.session, claim, State.FAILED, {}, problem)
            end_when_complete(unit.session, claim.job_id)
        return State.FAILED

    def _wait(self, claim: Claim, found: Waiting) -> str:
        delay = timedelta(seconds=wait_delay_seconds(claim.waits, SystemRandom()))
        with short_unit(self.sessions, self.lease) as unit:
            is_held = claims.wait(unit.session, claim, delay, str(found))
        return WAITING if is_held else LEASE_LOST

    def _requeue(self, claim: Claim, error: str) -> str:
        if claim.attempt >= self.max_attempts:
            return self._settle_failed(claim, attempts_exhausted_problem(claim.attempt, error))
        delay = timedelta(seconds=retry_delay_seconds(claim.attempt, SystemRandom()))
        with short_unit(self.sessions, self.lease) as unit:
            is_held = claims.requeue(unit.session, claim, delay, attempt_failed_problem(error))
        return State.QUEUED if is_held else LEASE_LOST
