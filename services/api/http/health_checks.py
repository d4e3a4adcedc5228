"""Checks of the servers that the API uses, in their own threads: nobody waits for a silent one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from time import monotonic

INTERVAL_SECONDS = 5.0
"""From one check to the next while nobody asks."""
FRESH_SECONDS = 0.2
"""A result that is older is replaced when somebody asks."""
WAIT_SECONDS = 0.6
"""The longest time that somebody waits for the new result."""
SILENT_SECONDS = 3.0
"""A server that has not responded to a check for so long is down."""
ABANDON_SECONDS = 10.0
"""A check that has taken so long is left behind, so that the end of the silence is seen."""
STOP_SECONDS = 1.0
"""The longest time that the API waits for running checks when it stops."""

Check = Callable[[], str | None]
"""Returns what is wrong, in a few words without names and addresses; None if nothing is."""


@dataclass(frozen=True, slots=True)
class PartState:
    """The state of one server: `reason` is None when it is well.

    `age_seconds` is how long ago it responded last, or failed to.
    """

    reason: str | None
    age_seconds: float


class PartCheck:
    """The check of one server, in a thread, of which at most one result is waited for."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._last: tuple[str | None, float] | None = None
        self._running: asyncio.Future[str | None] | None = None
        self._began_at = self._created_at = monotonic()
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Begin a check, unless one is running."""
        is_running = self._running is not None and not self._running.done()
        if is_running and monotonic() - self._began_at < ABANDON_SECONDS:
            return
        self._running, self._began_at = asyncio.get_running_loop().create_future(), monotonic()
        self._thread = Thread(target=self._run, args=(self._running,), name="health", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until no check is running: it may use a connection of a pool that is closed next."""
        if self._thread is not None:
            self._thread.join(seconds)

    async def state(self) -> PartState:
        """Return the state now; wait a little for the result of a new check."""
        if self._last is None or monotonic() - self._last[1] > FRESH_SECONDS:
            self.begin()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=WAIT_SECONDS)
        return self._state()

    def _state(self) -> PartState:
        now = monotonic()
        reason, checked_at = self._last or ("not checked yet", self._created_at)
        is_running = self._running is not None and not self._running.done()
        if is_running and now - self._began_at > SILENT_SECONDS:
            reason = "does not respond"
        return PartState(reason, now - checked_at)

    def _run(self, result: "asyncio.Future[str | None]") -> None:
        reason = self._check()
        with suppress(RuntimeError):  # the loop is closed: the API has stopped
            result.get_loop().call_soon_threadsafe(self._end, result, reason)

    def _end(self, result: "asyncio.Future[str | None]", reason: str | None) -> None:
        result.set_result(reason)
        if result is self._running:
            self._last = reason, monotonic()


@dataclass(frozen=True, slots=True)
class HealthChecks:
    """The checks of all servers of the API."""

    database: PartCheck
    queue: PartCheck
    object_store: PartCheck
    jobs: PartCheck

    @property
    def parts(self) -> tuple[PartCheck, ...]:
        return self.database, self.queue, self.object_store, self.jobs

    async def repeat(self) -> None:
        """Check all servers again and again, until cancelled."""
        while True:
            for part in self.parts:
                part.begin()
            await asyncio.sleep(INTERVAL_SECONDS)

    def join(self) -> None:
        """Wait for running checks, for a moment in all: a server may be silent."""
        ends_at = monotonic() + STOP_SECONDS
        for part in self.parts:
            part.join(max(0.0, ends_at - monotonic()))
