"""Reads of the object store in threads of their own, left behind when a read takes too long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from services.api.http.problems import ServiceUnavailable
from shared.core.deadlines import current_deadline

THREADS = 32
"""Reads at a time. While the store is silent, they wait for it, and no other request does."""

Result = TypeVar("Result")


class StoreReads:
    """The threads of this process for reads of the object store."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    async def run(self, read: Callable[..., Result], *arguments: Any) -> Result:
        """Return the result of a read.

        Raises:
            ServiceUnavailable: when there was none before the current deadline.
        """
        limit = current_deadline()
        result = asyncio.get_running_loop().run_in_executor(self._threads, read, *arguments)
        try:
            async with asyncio.timeout(None if limit is None else limit.seconds_left):
                return await result
        except TimeoutError:
            raise ServiceUnavailable from None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
