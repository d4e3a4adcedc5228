"""The downloads of this process: access is asked about again for all of them in one question."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import structlog

from services.api.http.problems import TooManyRequests
from shared.access.rules import Caller
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
LINK_DOWNLOADS = 4
"""Downloads of one link at a time: a browser may resume before it closes the one before."""
SCHOOL_FACTOR = 2
"""The downloads of all people of a school together, as a multiple of those of one caller."""
BUSY_SECONDS = 5
"""The time after which a caller with too many running downloads asks again."""

MIN_BYTES_PER_SECOND = 4 * 1024
"""A client that receives less, on average over `RATE_SECONDS`, has its download ended: it keeps a
connection from others. It can request the rest with `Range`."""
RATE_SECONDS = 30.0

_BUSY = "Too many downloads are running already; request this one again when one has ended."


class AccessRevokedError(Exception):
    """The access that a running download was allowed by has ended; the response is aborted."""


@dataclass(eq=False, slots=True)
class RunningDownload:
    """A download that is being sent; `decided_at` is when access was last asked about.

    `abort` closes the connection and discards what its client has not received. It must not be
    called after the download: the connection may have another request by then. `count_unsent`
    returns how many of the `given` bytes the client has not received.
    """

    download: Download
    decided_at: float
    abort: Callable[[], None]
    count_unsent: Callable[[], int]
    given: int = 0
    is_ended: bool = False
    _measured_at: float = field(default_factory=monotonic)
    _received: int = 0

    def is_too_slow(self, now: float) -> bool:
        """Return True once its client has received too little for a while, though there is more."""
        seconds = now - self._measured_at
        if seconds < RATE_SECONDS:
            return False
        unsent = self.count_unsent()
        received = self.given - unsent
        is_slow = unsent > 0 and received - self._received < MIN_BYTES_PER_SECOND * seconds
        self._measured_at, self._received = now, received
        return is_slow

    def end(self) -> None:
        self.is_ended = True
        self.abort()


@dataclass(slots=True)
class DownloadMonitor:
    """Asks about access again while downloads run, and ends those whose access has ended.

    It has two threads and connections of its own: one for the questions, one for audit events. All
    methods but `require_room` and `close` belong to the event loop. `caller_downloads` is how many
    downloads one caller has at a time.
    """

    sessions: Sessions
    caller_downloads: int
    _counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _running: set[RunningDownload] = field(default_factory=set)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _questions: asyncio.Task[None] | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="downloads")
    )
    _recording: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="ended-downloads")
    )

    def require_room(self, caller: Caller, link: bytes | None = None) -> None:
        """Refuse one more download while its caller, school or link has too many.

        Raises:
            TooManyRequests: when as many are running as there may be.
        """
        limits = {
            "caller": self.caller_downloads,
            "school": self.caller_downloads * SCHOOL_FACTOR,
            "link": LINK_DOWNLOADS,
        }
        if any(self._counts[key] >= limits[key[0]] for key in _counted_as(caller, link)):
            raise TooManyRequests(BUSY_SECONDS, _BUSY)

    @asynccontextmanager
    async def watch(self, running: RunningDownload) -> AsyncIterator[None]:
        """Ask about the access of a download, and measure its rate, until the block ends.

        Raises:
            TooManyRequests: when too many began since `require_room`.
        """
        caller, link = running.download.access.caller, running.download.link
        self.require_room(caller, link)
        counted = _counted_as(caller, link)
        self._counts.update(counted)
        self._running.add(running)
        if self._questions is None or self._questions.done():
            self._questions = asyncio.create_task(self._ask_while_running())
        try:
            yield
        finally:
            self._running.discard(running)
            self._counts.subtract(counted)
            for key in counted:
                if not self._counts[key]:
                    del self._counts[key]

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
            self._end_slow(asked_at)
            await self._ask([*self._running], asked_at)
            self._asked.set()
            self._asked = asyncio.Event()
            await asyncio.sleep(max(0.0, asked_at + QUESTION_SECONDS - monotonic()))

    def _end_slow(self, now: float) -> None:
        for running in self._running:
            if not running.is_ended and running.is_too_slow(now):
                logger.info("download_too_slow", document_id=str(running.download.document.id))
                running.end()

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


def _counted_as(caller: Caller, link: bytes | None) -> list[tuple[str, ...]]:
    """Return what a download counts on: its caller, and its school and link if it has them."""
    school = caller.school_id
    counted: list[tuple[str, ...]] = [("caller", caller.client, school or "", caller.subject or "")]
    if school is not None:
        counted.append(("school", school))
    if link is not None:
        counted.append(("link", link.hex()))
    return counted
