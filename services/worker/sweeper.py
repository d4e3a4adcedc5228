"""Periodic tasks that find missed work and remove expired data, each in a thread of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

import structlog

from services.worker.metrics import SWEPT
from shared.core.database import Sessions
from shared.core.logging import describe_error
from shared.core.unit_of_work import UnitOfWork

logger = structlog.get_logger(__name__)

STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A task that runs every `interval` in its own transaction; `run` returns a count.

    One that `repeats` runs again at once, until the count is 0: it does a part at a time.
    """

    name: str
    interval: timedelta
    run: Callable[[UnitOfWork], int]
    repeats: bool = False


class Sweeper:
    """A runner of periodic tasks. Several processes can have a running sweeper at the same time."""

    def __init__(self, sessions: Sessions, *tasks: PeriodicTask) -> None:
        self._sessions = sessions
        self._stopped = Event()
        self._threads = [
            Thread(target=self._repeat, args=(task,), name=f"sweep-{task.name}", daemon=True)
            for task in tasks
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the running tasks, for a few seconds in all: a server may be silent."""
        self._stopped.set()
        ends_at = monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, ends_at - monotonic()))

    def _repeat(self, task: PeriodicTask) -> None:
        interval = pause = task.interval.total_seconds()
        while not self._stopped.wait(pause):
            is_continued = self._run(task) > 0 and task.repeats
            pause = 0.0 if is_continued else interval

    def _run(self, task: PeriodicTask) -> int:
        try:
            with UnitOfWork(self._sessions) as unit:
                count = task.run(unit)
            SWEPT.labels(task=task.name).inc(count)
        except Exception as error:  # noqa: BLE001  # the thread must outlive any outage
            logger.warning("sweep_failed", task=task.name, **describe_error(error))
            return 0
        return count
