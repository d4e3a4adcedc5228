"""Looks for what was missed: items that are due but were not taken up, and expired leases."""

from datetime import timedelta
from threading import Event, Thread

import structlog

from services.worker.metrics import SWEPT
from shared.core.database import Sessions, transaction
from shared.core.logging import describe_error
from shared.jobs.queue import WakeUpQueue
from shared.jobs.service import sweep

logger = structlog.get_logger(__name__)


class Sweeper:
    """A thread of its own; several, in several processes, do not get in each other's way."""

    def __init__(
        self, sessions: Sessions, queue: WakeUpQueue, every: timedelta, quiet: timedelta
    ) -> None:
        self._sessions, self._queue, self._every, self._quiet = sessions, queue, every, quiet
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.wait(self._every.total_seconds()):
            try:
                with transaction(self._sessions) as session:
                    found = sweep(session, self._queue, self._quiet)
                SWEPT.inc(found)
            except Exception as error:  # noqa: BLE001  # it has to outlive any outage
                logger.warning("sweep_failed", **describe_error(error))
