"""Starts the parts of one instance in order, starts again what falls, stops all in reverse."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from embedded.children import Question, wait_until
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.identity import ProcessIdentity
from embedded.service_user import Report

READY_SECONDS = 60.0


class Part(Protocol):
    """A child process under supervision; every `Child` that knows how to start is one."""

    name: str
    log: Path

    @property
    def identity(self) -> ProcessIdentity | None:
        """None while it does not run."""

    def start(self, interrupted: Question) -> object:
        """Starts it, or starts it again at the same address; raises EmbeddedError if it cannot."""

    def is_ready(self) -> bool:
        """Whether it does its work; looked at after the first start only."""

    def is_alive(self) -> bool: ...
    def how_it_ended(self) -> str: ...
    def request_stop(self) -> None: ...
    def finish_stop(self, hurried: Question) -> None: ...


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """A part that fell is back at once; one that keeps falling waits longer and longer.

    Falls count as being in a row until the part has run for `settled_after` seconds.
    """

    first_delay: float = 0.1
    longest_delay: float = 5.0
    settled_after: float = 3.0
    give_up_after: int = 20

    def delay(self, falls: int) -> float:
        return min(self.longest_delay, self.first_delay * 2.0 ** (falls - 1))


@dataclass(slots=True)
class _Watched:
    part: Part
    started_at: float = field(default_factory=time.monotonic)
    falls: int = 0
    restart_at: float | None = None


class Supervisor:
    """`on_change` is called whenever a part was started.

    Everything but `request_stop` belongs to one thread.
    """

    def __init__(
        self,
        report: Report,
        on_change: Callable[[], object],
        policy: RestartPolicy | None = None,
    ) -> None:
        self._report = report
        self._on_change = on_change
        self._policy = policy or RestartPolicy()
        self._groups: list[list[_Watched]] = []
        self._stops_asked = 0

    def request_stop(self) -> None:
        """May be called from a signal handler; asking again makes haste."""
        self._stops_asked += 1

    def is_stopping(self) -> bool:
        return self._stops_asked > 0

    def is_hurried(self) -> bool:
        return self._stops_asked > 1

    def start(self, *parts: Part) -> None:
        """Returns when all of them are ready; they will be asked to stop together."""
        group: list[_Watched] = []
        self._groups.append(group)
        for part in parts:
            group.append(_Watched(part))
            part.start(self.is_stopping)
            self._on_change()
        for part in parts:
            self._await_ready(part)

    @property
    def parts(self) -> Sequence[Part]:
        return [watched.part for watched in self._watched()]

    def watch(self) -> int:
        """An exit code: 0 when a stop was asked for, 1 when a part cannot be kept running."""
        try:
            while not self.is_stopping():
                for watched in self._watched():
                    # What comes later needs what comes earlier, so that is mended first.
                    if not self._tend(watched):
                        break
                time.sleep(0.1)
        except StartInterruptedError:
            return 0
        except EmbeddedError as error:
            self._report(str(error))
            return 1
        return 0

    def stop(self) -> None:
        """The last group started goes first; within a group all end side by side."""
        for group in reversed(self._groups):
            for watched in group:
                watched.part.request_stop()
            for watched in group:
                watched.part.finish_stop(self.is_hurried)
        self._groups.clear()

    def _watched(self) -> Iterator[_Watched]:
        for group in self._groups:
            yield from group

    def _await_ready(self, part: Part) -> None:
        wait_until(lambda: part.is_ready() or not part.is_alive(), READY_SECONDS, self.is_stopping)
        if self.is_stopping():
            raise StartInterruptedError(f"{part.name} was broken off: a stop was asked for")
        if not part.is_alive():
            raise EmbeddedError(f"{part.name} {part.how_it_ended()}: {part.log} says why")
        if not part.is_ready():
            raise EmbeddedError(
                f"{part.name} was not ready within {READY_SECONDS:.0f} s: {part.log} says why"
            )

    def _tend(self, watched: _Watched) -> bool:
        """Whether the part runs; what does not run is started again when its time has come."""
        now = time.monotonic()
        if watched.part.is_alive():
            if now - watched.started_at >= self._policy.settled_after:
                watched.falls = 0
            return True
        if watched.restart_at is None:
            self._plan_restart(watched, now)
        elif now >= watched.restart_at:
            self._restart(watched)
        return False

    def _plan_restart(self, watched: _Watched, now: float) -> None:
        part = watched.part
        watched.falls += 1
        if watched.falls > self._policy.give_up_after:
            raise EmbeddedError(
                f"{part.name} fell {watched.falls} times in a row, so everything stops: "
                f"{part.log} says why"
            )
        delay = self._policy.delay(watched.falls)
        watched.restart_at = now + delay
        self._report(f"{part.name} {part.how_it_ended()}; it is started again in {delay:.1f} s")

    def _restart(self, watched: _Watched) -> None:
        watched.restart_at = None
        try:
            watched.part.start(self.is_stopping)
            watched.started_at = time.monotonic()
            self._on_change()
            self._report(f"{watched.part.name} was started again")
        except StartInterruptedError:
            raise
        except EmbeddedError as error:
            self._report(str(error))
