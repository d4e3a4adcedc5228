"""Heartbeats: the lease of a claimed item is renewed while its handler runs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from threading import Event, Lock, Thread
from typing import Any

import structlog
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from services.worker.short_units import short_unit
from shared.core.database import Sessions
from shared.core.logging import describe_error
from shared.core.lost_sessions import end_lost_session
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims
from shared.jobs.claims import Claim

logger = structlog.get_logger(__name__)

ShortUnit = Callable[[], AbstractContextManager[UnitOfWork]]

HEARTBEATS_PER_LEASE = 3
MAX_HEARTBEAT_SECONDS = 1.0
"""The longest time until a worker learns that its item was cancelled."""
CANCEL_SECONDS = 5.0
"""The time for the server to cancel a statement; then the connection is closed."""


QUIET_SECONDS = 5.0
"""The time without a sign of the server after which another connection asks about the session."""


@contextmanager
def heartbeat(
    sessions: Sessions, claim: Claim, lease: timedelta, session: Session
) -> Iterator[Callable[[], None]]:
    """Renew the lease; once it is lost, cancel the session's current and all later statements.

    Yields a function that ends the renewals. Call it before the item is settled: a renewal would
    wait for the lock on the settled row. Until the block ends, a connection of the session that is
    half open is closed: other connections renew the lease, so that it would wait without end.
    """
    statements = _Statements(claim)
    statements.watch(session)
    stopped = Event()
    renewals = _Renewals(sessions, claim, lease, statements, stopped)
    thread = Thread(
        target=copy_context().run, args=(renewals.run,), name=f"lease-{claim.item_id}", daemon=True
    )
    thread.start()
    try:
        yield renewals.end
    finally:
        stopped.set()
        thread.join()


class _Statements:
    """The statements of a session: none begins once the claim is lost, and one can be cancelled.

    A session has another connection in each of its transactions, and none between them.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._lock = Lock()
        self._driver: Any = None

    def watch(self, session: Session) -> None:
        event.listen(session, "after_begin", self._begin)
        event.listen(session, "after_transaction_end", self._end)

    def cancel(self) -> None:
        """Cancel the current statement; without one, nothing happens."""
        with self._lock:
            if self._driver is not None:
                self._driver.drop_after(CANCEL_SECONDS)
                self._driver.cancel_safe(timeout=CANCEL_SECONDS)

    def close_if_lost(self, short: ShortUnit) -> None:
        """Close the connection if its server process waits for the client, or has ended."""
        with self._lock:
            driver = self._driver
            if driver is None or driver.quiet_seconds < QUIET_SECONDS:
                return
            pid = driver.info.backend_pid
        with short() as unit:
            is_lost = end_lost_session(unit.session, pid, QUIET_SECONDS)
        with self._lock:
            if is_lost and self._driver is driver:
                driver.drop_after(0)

    def _begin(
        self, _session: Session, _transaction: SessionTransaction, connection: Connection
    ) -> None:
        event.listen(connection, "before_cursor_execute", lambda *_: self._claim.require_held())
        with self._lock:
            self._driver = connection.connection.driver_connection

    def _end(self, _session: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None:
            with self._lock:
                self._driver = None


class _Renewals:
    """The heartbeats of one claim, until `stopped` or until the lease is lost."""

    def __init__(
        self,
        sessions: Sessions,
        claim: Claim,
        lease: timedelta,
        statements: _Statements,
        stopped: Event,
    ) -> None:
        self._sessions = sessions
        self._claim = claim
        self._lease = lease
        self._statements = statements
        self._stopped = stopped
        self._renewing = Lock()
        self._has_ended = False

    def end(self) -> None:
        """Begin no further renewal, and wait for the current one."""
        with self._renewing:
            self._has_ended = True

    def run(self) -> None:
        seconds = min(self._lease.total_seconds() / HEARTBEATS_PER_LEASE, MAX_HEARTBEAT_SECONDS)
        short = partial(short_unit, self._sessions, self._lease)
        while not self._stopped.wait(seconds):
            try:
                if not self._renew(short):
                    self._claim.lost.set()
                    self._statements.cancel()
                    return
                self._statements.close_if_lost(short)
            except Exception as error:  # noqa: BLE001  # the next heartbeat may succeed
                logger.warning("lease_renewal_failed", **describe_error(error))

    def _renew(self, short: ShortUnit) -> bool:
        """Renew the lease, unless the renewals have ended; False when the claim is lost."""
        with self._renewing:
            if self._has_ended:
                return True
            with short() as unit:
                return claims.extend_lease(unit.session, self._claim, self._lease)
