"""Connection slots: how many requests use the database at a time, and how many wait for it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from services.api.http.problems import Overloaded, ServiceUnavailable
from shared.core.deadlines import Deadline, current_deadline

SLOW_SECONDS = 0.5
"""A request with a slot for longer waits for the database, such as for a lock; its slot is given
to another request."""
MAX_WAITING = 8
"""Requests that wait for the database without a slot. One more ends the one that waits longest."""

MAX_QUEUED = 256
"""Requests that wait for a slot: two or three seconds of work. While others end, one more is
refused at once. It would only wait, and so would all after it."""


class Slot:
    """The slot of one request; it can be released and acquired again in between."""

    def __init__(self, slots: "ConnectionSlots", operation: str) -> None:
        self._slots = slots
        self._operation = operation
        self._timer: asyncio.TimerHandle | None = None
        self._is_free = False
        self.deadline: Deadline | None = None

    async def acquire(self) -> None:
        """Wait for a slot, no longer than the current deadline.

        Raises:
            ServiceUnavailable: when none was free in time.
        """
        operation = self._slots.of_operation(self._operation)
        await _acquire(operation)
        try:
            await _acquire(self._slots.free)
        except BaseException:
            operation.release()
            raise
        self._is_free, self.deadline = False, current_deadline()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SLOW_SECONDS, self._give_up)

    def release(self) -> None:
        """Release the slot, if it is held."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._slots.of_operation(self._operation).release()
        if self._is_free:
            self._slots.waiting.pop(self, None)
        else:
            self._slots.free.release()
            self._slots.progressed_at = monotonic()

    def _give_up(self) -> None:
        self._is_free = True
        self._slots.free.release()
        self._slots.wait(self)


class ConnectionSlots:
    """A number of slots for all requests, of which those of one operation use no more at a time.

    So requests that wait for one table, which somebody has locked, do not stop those that need
    nothing of it: they lose their slots, and no further ones of their operation begin.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._operations: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(size)
        )
        self.free = asyncio.Semaphore(size)
        self.waiting: dict[Slot, None] = {}
        self.queued = 0
        self.progressed_at = 0.0

    def require_room(self) -> None:
        """Refuse a new request while many wait, though the database responds.

        While it does not, requests wait for it as long as they may.

        Raises:
            Overloaded: when too many wait.
        """
        is_moving = monotonic() - self.progressed_at < SLOW_SECONDS
        if self.queued >= MAX_QUEUED and is_moving:
            raise Overloaded

    @asynccontextmanager
    async def take(self, operation: str) -> AsyncIterator[Slot]:
        """Hold a slot for an operation, by the template of its path.

        Raises:
            ServiceUnavailable: when none was free before the deadline.
        """
        slot = Slot(self, operation)
        if not self.free.locked():  # the first of a crowd after a quiet time
            self.progressed_at = monotonic()
        self.queued += 1
        try:
            await slot.acquire()
        finally:
            self.queued -= 1
        try:
            yield slot
        finally:
            slot.release()

    def of_operation(self, operation: str) -> asyncio.Semaphore:
        return self._operations[operation]

    def wait(self, slot: Slot) -> None:
        """Note that a request waits without a slot; end the one that waits longest of too many."""
        self.waiting[slot] = None
        if len(self.waiting) > MAX_WAITING:
            oldest = next(iter(self.waiting))
            del self.waiting[oldest]
            if oldest.deadline is not None:
                oldest.deadline.end()


async def _acquire(semaphore: asyncio.Semaphore) -> None:
    limit = current_deadline()
    if limit is None or not semaphore.locked():
        await semaphore.acquire()
        return
    try:
        async with asyncio.timeout(limit.seconds_left):
            await semaphore.acquire()
    except TimeoutError:
        raise ServiceUnavailable from None
