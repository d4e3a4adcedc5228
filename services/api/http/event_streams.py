"""Server-sent events about a resource: its state now, and again whenever it has changed.

No connection, thread or connection slot is occupied between two reads, so that any number of
streams may be open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TypeVar

from services.api.http.problems import Overloaded, ServiceUnavailable
from services.api.http.threads import run_in_thread
from services.api.resources import Resources
from shared.core.deadlines import deadline

POLL_SECONDS = 1.0
EVENTS = "events"
"""The streams share connection slots as one operation."""

Snapshot = TypeVar("Snapshot")


async def stream_changes(
    resources: Resources, read: Callable[[], Snapshot | None], is_last: Callable[[Snapshot], bool]
) -> AsyncIterator[Snapshot]:
    """Yield each new state until the last one, until `read` returns None, or until the API stops.

    `read` runs in a thread, with a connection slot, and with the time of a request.
    """
    sent = None
    while not resources.stopping.is_set():
        state = await _read(resources, read)
        if state is None:
            return
        if state != sent:
            yield state
        if is_last(state):
            return
        sent = state
        with suppress(TimeoutError):
            await asyncio.wait_for(resources.stopping.wait(), POLL_SECONDS)


async def _read(resources: Resources, read: Callable[[], Snapshot | None]) -> Snapshot | None:
    """Return the state; None as well when no connection slot is free in time."""
    with deadline(resources.request_seconds), suppress(Overloaded, ServiceUnavailable):
        async with resources.connection_slots.take(EVENTS):
            return await run_in_thread(read)
    return None
