"""Blocking work in a thread of the default executor."""

from asyncio import CancelledError, get_running_loop, shield, wait
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")


async def run_in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Return the result of blocking work; on cancellation, wait until the work has ended.

    Starlette's `run_in_threadpool` takes three iterations of the event loop where this takes one,
    each of them through every middleware.
    """
    context = copy_context()
    result = get_running_loop().run_in_executor(None, partial(context.run, work, *arguments))
    try:
        return await shield(result)
    except CancelledError:
        while not result.done():
            with suppress(CancelledError):
                await wait({result})
        result.exception()  # retrieved, so that asyncio does not log it as never retrieved
        raise
