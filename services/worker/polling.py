"""Polling of PostgreSQL for due items: what wake-ups hasten, polling guarantees."""

from datetime import timedelta
from threading import Thread
from time import monotonic

import structlog

from services.worker.execution import Execution
from shared.core.logging import describe_error

logger = structlog.get_logger(__name__)


class Poller:
    """A thread per slot of the execution that looks for due items every `interval`.

    So work starts and ends while Redis is unavailable, and items that are due later are found.
    """

    def __init__(self, execution: Execution, interval: timedelta) -> None:
        self._execution = execution
        self._seconds = interval.total_seconds()
        self._threads = [
            Thread(target=self._poll, name=f"poll-{number}", daemon=True)
            for number in range(execution.threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until the threads have finished their items; they end once `stopping` is set."""
        deadline = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))

    def _poll(self) -> None:
        while not self._execution.stopping.wait(self._seconds):
            try:
                self._execution.run_if_idle()
            except Exception as error:  # noqa: BLE001  # the thread must outlive any outage
                logger.warning("poll_failed", **describe_error(error))
