"""The pause of a process between items that all wait for a server."""

from random import SystemRandom
from threading import Lock
from time import monotonic

from shared.jobs.rules import wait_delay_seconds


class Pause:
    """A pause that grows with each item that has to wait, and ends with the first that does not.

    Without it a whole country would be rendered again and again for a store that is full.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waits = 0
        self._until = 0.0

    def begin(self) -> None:
        """Begin a pause, or a longer one; items that end during a pause do not prolong it."""
        with self._lock:
            if not self.is_active():
                self._until = monotonic() + wait_delay_seconds(self._waits, SystemRandom())
                self._waits += 1

    def end(self) -> None:
        with self._lock:
            self._waits, self._until = 0, 0.0

    def is_active(self) -> bool:
        return monotonic() < self._until
