"""Execution of job items: claim, lease, handler and settlement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from random import SystemRandom
from threading import BoundedSemaphore, Event, Thread
from time import monotonic
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, event

from services.worker.metrics import ITEM_SECONDS, ITEMS
from services.worker.queue_log import QUEUE_ERRORS, QueueLog
from shared.core.database import DATABASE_UNAVAILABLE, Sessions
from shared.core.deadlines import deadline
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
)
from shared.jobs.service import end_when_complete
from shared.storage.store import STORE_UNAVAILABLE

logger = structlog.get_logger(__name__)

RETRYABLE_ERRORS = (*DATABASE_UNAVAILABLE, *STORE_UNAVAILABLE, OSError)
"""Errors of database, storage or system. Any other error would occur again."""

HEARTBEATS_PER_LEASE = 3
MAX_HEARTBEAT_SECONDS = 1.0
"""The longest time until a worker learns that its item was cancelled."""

SHORT_UNIT_SECONDS = 10.0
"""The time for a unit of a few statements, unless a lease is longer."""
CANCEL_SECONDS = 5.0
"""The time for the server to cancel a statement; then the connection is closed."""

LEASE_LOST = "lost"
"""The outcome of an attempt whose item was cancelled or taken over."""


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
        while not self.stopping.is_set():
            claim = self._claim()
            if claim is None:
                return
            if not has_woken:
                self._wake_worker(claim.kind)
                has_woken = True
            self._run_item(claim)

    def _claim(self) -> Claim | None:
        lanes = choose_lane_order(self.interactive_weight, SystemRandom())
        with self._short_unit() as unit:
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
            return self._handle_and_settle(claim)
        except LeaseLostError:
            return LEASE_LOST
        except DomainError as error:
            return self._settle_failed(claim, error.as_json())
        except RETRYABLE_ERRORS as error:
            logger.warning("job_item_attempt_failed", **describe_error(error))
            return self._requeue(claim, type(error).__name__)
        except Exception as error:  # noqa: BLE001  # one bad item must not stop the others
            logger.warning("job_item_attempt_failed", **describe_error(error))
            return self._settle_failed(claim, unexpected_error_problem(type(error).__name__))

    def _handle_and_settle(self, claim: Claim) -> str:
        with UnitOfWork(self.sessions) as unit:
            session = unit.session
            with self._heartbeat(claim, session.connection()):
                result = self.handlers[claim.kind](unit, claim)
            state = State.DONE if result.problem is None else State.FAILED
            repository.add_failures(session, claim.item_id, result.failures)
            claims.settle(session, claim, state, result.outcome, result.problem)
            end_when_complete(session, claim.job_id)
        return state

    def _settle_failed(self, claim: Claim, problem: dict[str, Any]) -> str:
        try:
            with self._short_unit() as unit:
                claims.settle(unit.session, claim, State.FAILED, {}, problem)
                end_when_complete(unit.session, claim.job_id)
        except LeaseLostError:
            return LEASE_LOST
        return State.FAILED

    def _requeue(self, claim: Claim, error: str) -> str:
        if claim.attempt >= self.max_attempts:
            return self._settle_failed(claim, attempts_exhausted_problem(claim.attempt, error))
        delay = timedelta(seconds=retry_delay_seconds(claim.attempt, SystemRandom()))
        with self._short_unit() as unit:
            is_held = claims.requeue(unit.session, claim, delay, attempt_failed_problem(error))
        return State.QUEUED if is_held else LEASE_LOST

    @contextmanager
    def _short_unit(self) -> Iterator[UnitOfWork]:
        """Yield a unit of a few statements; without a response in time, it is rolled back.

        The connection can be half open: nobody would ever respond.
        """
        seconds = max(self.lease.total_seconds(), SHORT_UNIT_SECONDS)
        with deadline(seconds), UnitOfWork(self.sessions) as unit:
            yield unit

    @contextmanager
    def _heartbeat(self, claim: Claim, connection: Connection) -> Iterator[None]:
        """Renew the lease; once it is lost, cancel the current and all later statements.

        Ends before the item is settled: a heartbeat would wait for the lock on the settled row, and
        this method for the heartbeat.
        """
        event.listen(connection, "before_cursor_execute", lambda *_: claim.require_held())
        driver: Any = connection.connection.driver_connection
        stopped = Event()
        thread = Thread(
            target=copy_context().run,
            args=(self._renew_lease, claim, driver, stopped),
            name=f"lease-{claim.item_id}",
            daemon=True,
        )
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _renew_lease(self, claim: Claim, driver: Any, stopped: Event) -> None:
        """Renew the lease until `stopped`; cancel the driver's statement once the lease is lost."""
        seconds = min(self.lease.total_seconds() / HEARTBEATS_PER_LEASE, MAX_HEARTBEAT_SECONDS)
        while not stopped.wait(seconds):
            try:
                with self._short_unit() as unit:
                    is_held = claims.extend_lease(unit.session, claim, self.lease)
                if not is_held:
                    claim.lost.set()
                    driver.drop_after(CANCEL_SECONDS)
                    driver.cancel_safe(timeout=CANCEL_SECONDS)
                    return
            except Exception as error:  # noqa: BLE001  # the next heartbeat may succeed
                logger.warning("lease_renewal_failed", **describe_error(error))
