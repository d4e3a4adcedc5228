"""The downloads of this process: access is asked about again for all of them in one question."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import structlog

from shared.core.database import DATABASE_UNAVAILABLE, Sessions
from shared.core.deadlines import deadline
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.documents.downloads import Download, may_go_on, record_end

logger = structlog.get_logger(__name__)

QUESTION_SECONDS = 0.2
"""From the beginning of one question to the beginning of the next."""
MAX_AGE_SECONDS = 0.5
"""No byte is sent on a decision that is older; a download waits for the next one."""
MAX_WAIT_SECONDS = 5.0
"""A download whose last decision is older is ended: the database does not respond."""


class AccessRevokedError(Exception):
    """The access that a running download was allowed by has ended; the response is aborted."""


@dataclass(eq=False, slots=True)
class RunningDownload:
    """A download that is being sent; `decided_at` is when access was last asked about.

    `abort` closes the connection and discards what its client has not received. It must not be
    called after the download: the connection may have another request by then.
    """

    download: Download
    decided_at: float
    abort: Callable[[], None]
    is_ended: bool = False

    def end(self) -> None:
        self.is_ended = True
        self.abort()


@dataclass(slots=True)
class DownloadMonitor:
    """Asks about access again while downloads run, and ends those whose access has ended.

    It has two threads and connections of its own: one for the questions, one for audit events. All
    methods but `close` belong to the event loop.
    """

    sessions: Sessions
    _running: set[RunningDownload] = field(default_factory=set)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _questions: asyncio.Task[None] | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="downloads")
    )
    _recording: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="ended-downloads")
    )

    @asynccontextmanager
    async def watch(
        self, download: Download, decided_at: float, abort: Callable[[], None]
    ) -> AsyncIterator[RunningDownload]:
        """Ask about the access of a download until the block ends."""
        running = RunningDownload(download, decided_at, abort)
        self._running.add(running)
        if self._questions is None or self._questions.done():
            self._questions = asyncio.create_task(self._ask_while_running())
        try:
            yield running
        finally:
            self._running.discard(running)

    async def require_access(self, running: RunningDownload) -> None:
        """Wait until the last decision about the download is recent enough.

        Raises:
            AccessRevokedError: when it was ended.
        """
        while not running.is_ended and monotonic() - running.decided_at > MAX_AGE_SECONDS:
            await self._asked.wait()
        if running.is_ended:
            raise AccessRevokedError

    async def record(self, write: Callable[[UnitOfWork], None]) -> None:
        """Write in a unit of work of its own; a database that does not respond is logged."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._recording, self._write, write)

    def close(self) -> None:
        """Wait until the audit log has every download that was ended."""
        self._thread.shutdown()
        self._recording.shutdown()

    async def _ask_while_running(self) -> None:
        while self._running:
            asked_at = monotonic()
            await self._ask([*self._running], asked_at)
            self._asked.set()
            self._asked = asyncio.Event()
            await asyncio.sleep(max(0.0, asked_at + QUESTION_SECONDS - monotonic()))

    async def _ask(self, asked: Sequence[RunningDownload], asked_at: float) -> None:
        downloads = [running.download for running in asked]
        loop = asyncio.get_running_loop()
        try:
            decisions = await loop.run_in_executor(self._thread, self._decide, downloads)
        except DATABASE_UNAVAILABLE as error:
            logger.warning("downloads_not_checked", error=type(error).__name__)
            for running in self._running.intersection(asked):
                if monotonic() - running.decided_at > MAX_WAIT_SECONDS:
                    running.end()
            return
        for running, is_allowed in zip(asked, decisions, strict=True):
            if is_allowed:
                running.decided_at = asked_at
            elif running in self._running and not running.is_ended:
                running.end()
                end = partial(record_end, download=running.download)
                loop.run_in_executor(self._recording, self._write, end)

    def _decide(self, downloads: Sequence[Download]) -> list[bool]:
        with deadline(MAX_WAIT_SECONDS), UnitOfWork(self.sessions) as unit:
            return may_go_on(unit.session, downloads)

    def _write(self, write: Callable[[UnitOfWork], None]) -> None:
        try:
            with (
                deadline(MAX_WAIT_SECONDS),
                suppress(ResourceNotFound),
                UnitOfWork(self.sessions) as unit,
            ):
                write(unit)
        except DATABASE_UNAVAILABLE as error:
            logger.warning("end_of_download_not_recorded", error=type(error).__name__)
