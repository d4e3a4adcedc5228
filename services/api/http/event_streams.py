"""Streams what is seen of something: at once, again whenever it has changed, until there is a last.

No connection, thread or turn is held between two looks, so that any number of streams may be open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from services.api.resources import Parts

LOOK_EVERY_SECONDS = 1.0

Seen = TypeVar("Seen")


async def changes(
    parts: Parts, look: Callable[[], Seen | None], is_last: Callable[[Seen], bool]
) -> AsyncIterator[Seen]:
    """Ends with what is the last, or earlier when `look` says with None that it has to.

    `look` runs in a thread, with a turn to use the database in.
    """
    shown = None
    while True:
        async with parts.turns:
            seen = await run_in_threadpool(look)
        if seen is None:
            return
        if seen != shown:
            yield seen
        if is_last(seen):
            return
        shown = seen
        await asyncio.sleep(LOOK_EVERY_SECONDS)
