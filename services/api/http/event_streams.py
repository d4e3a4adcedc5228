"""Server-sent events about a resource: its state now, and again whenever it has changed.

No connection, thread or connection slot is occupied between two reads, so that any number of
streams may be open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from services.api.resources import Resources

POLL_SECONDS = 1.0

Snapshot = TypeVar("Snapshot")


async def stream_changes(
    resources: Resources, read: Callable[[], Snapshot | None], is_last: Callable[[Snapshot], bool]
) -> AsyncIterator[Snapshot]:
    """Yield each new state until the last one, or until `read` returns None.

    `read` runs in a thread, with a connection slot.
    """
    sent = None
    while True:
        async with resources.connection_slots:
            state = await run_in_threadpool(read)
        if state is None:
            return
        if state != sent:
            yield state
        if is_last(state):
            return
        sent = state
        await asyncio.sleep(POLL_SECONDS)
