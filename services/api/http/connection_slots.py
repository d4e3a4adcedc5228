"""Connection slots: how many requests use the database at a time, and how many wait for it."""

import asyncio
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil, inf
from operator import attrgetter
from time import monotonic

from services.api.http.problems import Overloaded, ServiceUnavailable
from shared.core.deadlines import Deadline, current_deadline

SLOW_SECONDS = 0.5
"""A request with a slot for longer waits for the database, such as for a lock; its slot is given
to another request."""
ENDED_SECONDS = 0.05
"""A request that ends with less of its time left was ended by it, and is no progress."""
MAX_WAITING = 8
"""Requests that wait for the database without a slot. One more ends the one that waits longest."""

MAX_QUEUED = 256
"""Requests that wait for a slot; one more is refused at once, while others end. It would only wait,
and so would all after it."""
MAX_QUEUE_SECONDS = 2.5
"""A new request is refused as well when one of its operation has waited for a slot for longer: it
would have too little of its time left for what it waits for."""

MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 2, 15
"""The shortest and the longest time after which a refused request is sent again."""
USUAL_INTERVAL = 0.01
"""Seconds between two requests that end, before any has."""
SMOOTHING = 0.05


class Slot:
    """The slot of one request; it can be released and acquired again in between."""

    def __init__(self, slots: "ConnectionSlots", operation: str) -> None:
        self._slots = slots
        self.operation = operation
        self._timer: asyncio.TimerHandle | None = None
        self._is_free = False
        self.deadline: Deadline | None = None

    async def acquire(self) -> None:
        """Wait for a slot, no longer than the current deadline.

        Raises:
            Overloaded: when none was free in time, though other requests ended.
            ServiceUnavailable: when none was free in time.
        """
        self.deadline = current_deadline()
        await self._slots.acquire(self)
        self._is_free = False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SLOW_SECONDS, self._on_slow)

    def release(self) -> None:
        """Release the slot, if it is held."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._slots.release(self, is_slow=self._is_free)

    def _on_slow(self) -> None:
        self._is_free = True
        self._slots.free_slow(self)


@dataclass(slots=True, eq=False)
class _Queued:
    """A request in the queue: when its time ends, since when it waits, and its turn."""

    ends_at: float
    since: float
    slot: Slot
    turn: asyncio.Future[None]


class ConnectionSlots:
    """A number of slots for all requests, of which those of one operation use no more at a time.

    So requests that wait for one table, which somebody has locked, do not stop those that need
    nothing of it: they lose their slots, and no further ones of their operation begin.

    A free slot is given to the request whose deadline is nearest. So one that needs a second slot
    does not wait behind all that began after it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._used: Counter[str] = Counter()
        self._queue: list[_Queued] = []
        self._queued: Counter[str] = Counter()
        self._waiting: dict[Slot, None] = {}
        self._progressed_at: defaultdict[str, float] = defaultdict(float)
        self._stopped: set[str] = set()
        self._ended_at, self._interval = monotonic(), USUAL_INTERVAL
        self._return_at = 0.0

    def require_room(self, operation: str) -> None:
        """Refuse a new request of an operation while many wait, though the database responds.

        While it does not, requests wait for it as long as they may.

        Raises:
            Overloaded: when too many wait.
        """
        now = monotonic()
        if not self._is_moving(operation, now):
            return
        if len(self._queue) >= MAX_QUEUED:
            in_motion = sum(
                count
                for queued, count in self._queued.items()
                if count and self._is_moving(queued, now)
            )
            if in_motion >= MAX_QUEUED:
                raise self._overloaded(now)
        if self._queued[operation]:
            since = min(other.since for other in self._queue if other.slot.operation == operation)
            if now - since > MAX_QUEUE_SECONDS:
                raise self._overloaded(now)

    @asynccontextmanager
    async def take(self, operation: str) -> AsyncIterator[Slot]:
        """Hold a slot for an operation, by the template of its path.

        Raises:
            Overloaded: when none was free before the deadline, though other requests ended.
            ServiceUnavailable: when none was free before the deadline.
        """
        slot = Slot(self, operation)
        await slot.acquire()
        try:
            yield slot
        finally:
            slot.release()

    async def acquire(self, slot: Slot) -> None:
        now = monotonic()
        if self._has_slot_for(slot.operation):
            if not self._used[slot.operation] and slot.operation not in self._stopped:
                self._progressed_at[slot.operation] = now  # it may be the first of a crowd
            self._use(slot.operation)
            return
        seconds = inf if slot.deadline is None else slot.deadline.seconds_left
        turn = asyncio.get_running_loop().create_future()
        queued = _Queued(now + seconds, now, slot, turn)
        insort(self._queue, queued, key=attrgetter("ends_at"))
        self._queued[slot.operation] += 1
        try:
            async with asyncio.timeout(None if seconds == inf else seconds):
                await turn
        except TimeoutError:
            self._leave(queued)
            if self._is_moving(slot.operation, monotonic()):
                raise self._overloaded(monotonic()) from None
            raise ServiceUnavailable from None
        except BaseException:
            self._leave(queued)
            raise

    def release(self, slot: Slot, *, is_slow: bool) -> None:
        """Free a slot, unless it was freed before because its request was slow."""
        self._used[slot.operation] -= 1
        if is_slow:
            self._waiting.pop(slot, None)
        else:
            now = monotonic()
            if slot.deadline is not None and slot.deadline.seconds_left < ENDED_SECONDS:
                self._stopped.add(slot.operation)
            else:
                self._stopped.discard(slot.operation)
                self._progressed_at[slot.operation] = now
            since = min(now - self._ended_at, SLOW_SECONDS)
            self._ended_at = now
            self._interval += SMOOTHING * (since - self._interval)
            self._free += 1
        self._give_slots()

    def free_slow(self, slot: Slot) -> None:
        """Free the slot of a request that is slow; end the one that waits longest of too many."""
        self._free += 1
        self._stopped.add(slot.operation)
        self._waiting[slot] = None
        if len(self._waiting) > MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            if oldest.deadline is not None:
                oldest.deadline.end()
        self._give_slots()

    def _give_slots(self) -> None:
        while self._free:
            first = next((queued for queued in self._queue if self._can_begin(queued)), None)
            if first is None:
                return
            self._remove(first)
            self._use(first.slot.operation)
            first.turn.set_result(None)

    def _can_begin(self, queued: _Queued) -> bool:
        """Whether a slot may be given to a request; one whose time ended has yet to leave."""
        return not queued.turn.done() and self._has_slot_for(queued.slot.operation)

    def _leave(self, queued: _Queued) -> None:
        """Leave the queue, or return the slot that was given at the same moment."""
        if queued.turn.done() and not queued.turn.cancelled():
            self._used[queued.slot.operation] -= 1
            self._free += 1
            self._give_slots()
        else:
            self._remove(queued)

    def _remove(self, queued: _Queued) -> None:
        self._queue.remove(queued)
        self._queued[queued.slot.operation] -= 1

    def _has_slot_for(self, operation: str) -> bool:
        return bool(self._free) and self._used[operation] < self._size

    def _use(self, operation: str) -> None:
        self._free -= 1
        self._used[operation] += 1

    def _is_moving(self, operation: str, now: float) -> bool:
        return now - self._progressed_at[operation] < SLOW_SECONDS

    def _overloaded(self, now: float) -> Overloaded:
        """Refuse a request; refused ones are to return as fast as others end, one after another."""
        latest = now + MAX_RETRY_SECONDS
        earliest = max(self._return_at, now + MIN_RETRY_SECONDS)
        self._return_at = min(earliest + self._interval, latest)
        return Overloaded(ceil(self._return_at - now))
