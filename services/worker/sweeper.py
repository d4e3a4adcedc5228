"""Looks again and again for what was missed or left behind, in a thread of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread

import structlog

from services.worker.metrics import SWEPT
from shared.core.database import Sessions
from shared.core.logging import describe_error
from shared.core.unit_of_work import UnitOfWork

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """What is done every so often, in a transaction of its own; `sweep` says how much it found."""

    name: str
    every: timedelta
    sweep: Callable[[UnitOfWork], int]


class Sweeper:
    """Several, in several processes, do not get in each other's way."""

    def __init__(self, sessions: Sessions, *chores: Chore) -> None:
        self._sessions = sessions
        self._stopped = Event()
        self._threads = [
            Thread(target=self._repeat, args=(chore,), name=f"sweep-{chore.name}", daemon=True)
            for chore in chores
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _repeat(self, chore: Chore) -> None:
        while not self._stopped.wait(chore.every.total_seconds()):
            try:
                with UnitOfWork(self._sessions) as unit:
                    found = chore.sweep(unit)
                SWEPT.labels(chore=chore.name).inc(found)
            except Exception as error:  # noqa: BLE001  # it has to outlive any outage
                logger.warning("sweep_failed", chore=chore.name, **describe_error(error))
