"""The deadline of the work in progress, which every wait for a server under it keeps to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic


class Deadline:
    """A moment after which nobody waits for the result; it can be moved while the work runs."""

    __slots__ = ("_ends_at", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, negative after it."""
        return self._ends_at - monotonic()

    @property
    def has_passed(self) -> bool:
        return self.seconds_left <= 0

    def extend(self, seconds: float) -> None:
        """Move the deadline, such as by the time in which a request arrived."""
        self._ends_at += seconds

    def restart(self) -> None:
        """Give the work its whole time again, such as when a part of a response was sent."""
        self._ends_at = monotonic() + self._seconds

    def end(self) -> None:
        """End the time of the work now."""
        self._ends_at = monotonic()


_CURRENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def current_deadline() -> Deadline | None:
    """Return the deadline of this context, which threads get with a copy of it."""
    return _CURRENT.get()


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Set a deadline for the block; it replaces one that is around it."""
    given = Deadline(seconds)
    token = _CURRENT.set(given)
    try:
        yield given
    finally:
        _CURRENT.reset(token)
