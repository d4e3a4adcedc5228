"""A connection to PostgreSQL that waits for the server no longer than it has time."""

from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from shared.core.deadlines import Deadline, current_deadline

INTERVAL_SECONDS = 0.1
"""How often a wait looks at the time."""

CONNECT_SECONDS, MIN_CONNECT_SECONDS = 5, 2
"""The longest time to connect, and the shortest that libpq can be given."""

Result = TypeVar("Result")


class DeadlineExceededError(psycopg.OperationalError):
    """The server did not respond in time; its connection is closed."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed, without another word to the server, when the time is over.

    A silent server would not respond to a request to cancel the statement either. The time is over
    with the current deadline, after `wait_seconds` of one wait, and when another thread says so.
    """

    wait_seconds: float | None = None
    drop_at: float | None = None
    _quiet_since: float | None = None

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the server was last heard of in the current wait, 0 outside of one."""
        since = self._quiet_since
        return 0.0 if since is None else monotonic() - since

    def drop_after(self, seconds: float) -> None:
        """Close the connection if a statement still waits after so many seconds; for any thread."""
        self.drop_at = monotonic() + seconds

    def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> Result:
        """Run psycopg's steps of a statement, each of which waits for the socket.

        Raises:
            DeadlineExceededError: when the time is over; the connection is closed.
        """
        try:
            return super().wait(self._within_time(gen), interval, timeout)
        except DeadlineExceededError:
            self.pgconn.finish()
            raise
        finally:
            self._quiet_since = None

    def _within_time(self, steps: PQGen[Result]) -> PQGen[Result]:
        """Pass on what the steps wait for; look at the time whenever nothing was ready."""
        deadline, began_at = current_deadline(), monotonic()
        self._quiet_since = began_at
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if ready:
                    self._quiet_since = monotonic()
                elif self._is_over(deadline, began_at):
                    raise DeadlineExceededError("the database did not respond in time")
                wanted = steps.send(ready)
        except StopIteration as end:
            result: Result = end.value
            return result

    def _is_over(self, deadline: Deadline | None, began_at: float) -> bool:
        if deadline is not None and deadline.has_passed:
            return True
        if self.drop_at is not None and monotonic() > self.drop_at:
            return True
        return self.wait_seconds is not None and monotonic() - began_at > self.wait_seconds


def connect(
    *arguments: Any, wait_seconds: float | None = None, **parameters: Any
) -> BoundedConnection:
    """Connect, within the current deadline if there is one.

    Raises:
        DeadlineExceededError: when too little time is left.
    """
    deadline = current_deadline()
    if deadline is not None:
        left = min(deadline.seconds_left, CONNECT_SECONDS)
        if left < MIN_CONNECT_SECONDS:
            raise DeadlineExceededError("no time is left to connect to the database")
        parameters["connect_timeout"] = int(left)
    connection = BoundedConnection.connect(*arguments, **parameters)
    connection.wait_seconds = wait_seconds
    return connection
