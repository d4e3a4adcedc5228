"""A connection to PostgreSQL that waits for the server no longer than the current deadline."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from shared.core.deadlines import Deadline, current_deadline

INTERVAL_SECONDS = 0.1
"""How often a wait looks at the deadline."""

CONNECT_SECONDS, MIN_CONNECT_SECONDS = 5, 2
"""The longest time to connect, and the shortest that libpq can be given."""

Result = TypeVar("Result")


class DeadlineExceededError(psycopg.OperationalError):
    """The server did not respond before the deadline; its connection is closed."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed, without another word to the server, when the deadline passes.

    A silent server would not respond to a request to cancel the statement either.
    """

    def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> Result:
        """Run psycopg's steps of a statement, each of which waits for the socket.

        Raises:
            DeadlineExceededError: after the deadline; the connection is closed.
        """
        deadline = current_deadline()
        if deadline is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(_until(deadline, gen), interval, timeout)
        except DeadlineExceededError:
            self.pgconn.finish()
            raise


def connect(*arguments: Any, **parameters: Any) -> BoundedConnection:
    """Connect, within the current deadline if there is one.

    Raises:
        DeadlineExceededError: when too little time is left.
    """
    deadline = current_deadline()
    if deadline is not None:
        left = int(deadline.seconds_left)
        if left < MIN_CONNECT_SECONDS:
            raise DeadlineExceededError("no time is left to connect to the database")
        parameters["connect_timeout"] = min(CONNECT_SECONDS, left)
    return BoundedConnection.connect(*arguments, **parameters)


def _until(deadline: Deadline, steps: PQGen[Result]) -> PQGen[Result]:
    """Pass on what the steps wait for; look at the deadline whenever nothing was ready."""
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and deadline.has_passed:
                raise DeadlineExceededError("the database did not respond before the deadline")
            wanted = steps.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result
