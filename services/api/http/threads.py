"""Work that waits for the database, in a thread beside the loop that answers."""

from asyncio import CancelledError, get_running_loop, shield, wait
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """What the work returns; it is never left alone, and ends before this does.

    Starlette's `run_in_threadpool` goes through the loop three times where this does once, and each
    time through all that surrounds a request.
    """
    context = copy_context()
    done = get_running_loop().run_in_executor(None, partial(context.run, work, *arguments))
    try:
        return await shield(done)
    except CancelledError:
        while not done.done():
            with suppress(CancelledError):
                await wait({done})
        done.exception()  # what went wrong is lost with the request, and nothing to warn of
        raise
