"""Watchers of the moment at which data opens or closes: of APIs, and of the view of the gate."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from threading import Event, Thread
from time import sleep, time
from typing import Any

import httpx
import psycopg

POLL_SECONDS = 0.005
IS_RELEASED = "select exists (select from released_components)"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question; times are seconds since 1970 by the clock of this machine."""

    sent_at: float
    received_at: float
    is_shown: bool


@dataclass
class Watcher:
    """A thread that asks again and again whether data is shown, until it is stopped."""

    ask: Callable[[], bool]
    pause: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    _stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        while not self._stopped.is_set():
            sent_at = time()
            is_shown = self.ask()
            self.answers.append(Answer(sent_at, time(), is_shown))
            sleep(self.pause)

    def stop(self) -> None:
        self._stopped.set()

    def first(self, *, is_shown: bool, since: float = 0.0) -> float:
        """Return the time at which an answer to a later question was first so."""
        return min(
            one.received_at
            for one in self.answers
            if one.is_shown is is_shown and one.sent_at >= since
        )

    def last(self, *, is_shown: bool) -> float:
        """Return the time at which the last question with such an answer was sent."""
        return max((one.sent_at for one in self.answers if one.is_shown is is_shown), default=0.0)


def of_api(client: httpx.Client, path: str) -> Watcher:
    def ask() -> bool:
        response = client.get(path)
        assert response.status_code == httpx.codes.OK, response.text
        return bool(response.json()["total"])

    return Watcher(ask)


def of_view(connection: psycopg.Connection[Any]) -> Watcher:
    return Watcher(lambda: connection.execute(IS_RELEASED).fetchone() == (True,), POLL_SECONDS)


@contextmanager
def watching(watchers: Sequence[Watcher]) -> Iterator[None]:
    """Run the watchers until the end of the block."""
    threads = [Thread(target=watcher.run) for watcher in watchers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.stop()
        for thread in threads:
            thread.join()


def clock_skew(connection: psycopg.Connection[Any]) -> float:
    """Return the seconds by which the clock of the database is ahead of that of this machine."""
    differences = []
    for _ in range(20):
        before = time()
        query = "select extract(epoch from clock_timestamp())::float8"
        (found,) = connection.execute(query).fetchone() or (0.0,)
        differences.append(found - (before + time()) / 2)
    return median(differences)


@dataclass
class Figures:
    """Measured values by name; milliseconds."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        self.values.setdefault(name, []).append(seconds * 1000)

    def ratio(self, name: str, other: str) -> float:
        """Return the median of the first as a multiple of that of the other."""
        return median(self.values[name]) / median(self.values[other])

    def lines(self) -> Iterator[str]:
        """Iterate over median and maximum of each, as a JSON object."""
        for name, found in self.values.items():
            times = {"p50": round(median(found), 2), "max": round(max(found), 2)}
            yield json.dumps({"name": f"openings.{name}_ms", "of": len(found), **times})
