"""Supervisor of the processes of an instance: ordered start, restarts, and stop in reverse."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from embedded.child_process import Condition, wait_until
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.process_identity import ProcessIdentity
from embedded.service_user import Report

READY_SECONDS = 60.0


class SupervisedProcess(Protocol):
    """A child process under supervision: a `ChildProcess` with a method to start it."""

    name: str
    log: Path

    @property
    def identity(self) -> ProcessIdentity | None:
        """The identity of the running process, None if it is not running."""

    def start(self, interrupted: Condition) -> object:
        """Start the process, or restart it at the same address.

        Raises:
            EmbeddedError: it cannot start.
        """

    def is_ready(self) -> bool:
        """Check that it does its work; called only after the first start."""

    def is_alive(self) -> bool: ...
    def exit_description(self) -> str: ...
    def request_stop(self) -> None: ...
    def finish_stop(self, is_forced: Condition) -> None: ...
    def rotate_log(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The delays of restarts: exponential in the number of consecutive failures.

    Failures are consecutive until the process has run for `stable_after` seconds.
    """

    initial_delay: float = 0.1
    max_delay: float = 5.0
    stable_after: float = 3.0
    max_failures: int = 20

    def delay(self, failures: int) -> float:
        return min(self.max_delay, self.initial_delay * 2.0 ** (failures - 1))


@dataclass(slots=True)
class _Entry:
    process: SupervisedProcess
    started_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """A supervisor; it calls `on_change` after each start of a process.

    Every method except `request_stop` must be called from the same thread.
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
        self._groups: list[list[_Entry]] = []
        self._stop_requests = 0

    def request_stop(self) -> None:
        """Request a stop, also from a signal handler; the second request skips all waiting."""
        self._stop_requests += 1

    def is_stopping(self) -> bool:
        return self._stop_requests > 0

    def is_forced(self) -> bool:
        return self._stop_requests > 1

    def start(self, *processes: SupervisedProcess) -> None:
        """Start a group of processes and wait until all are ready; a group stops together."""
        group: list[_Entry] = []
        self._groups.append(group)
        for process in processes:
            group.append(_Entry(process))
            process.start(self.is_stopping)
            self._on_change()
        for process in processes:
            self._wait_until_ready(process)

    @property
    def processes(self) -> Sequence[SupervisedProcess]:
        return [entry.process for entry in self._entries()]

    def watch(self) -> int:
        """Restart processes until a stop request; return the exit code, 1 if a process is lost."""
        try:
            while not self.is_stopping():
                self._rotate_logs()
                for entry in self._entries():
                    # Later processes depend on earlier ones, which are restarted first.
                    if not self._restart_if_exited(entry):
                        break
                time.sleep(0.1)
        except StartInterruptedError:
            return 0
        except EmbeddedError as error:
            self._report(str(error))
            return 1
        return 0

    def stop(self) -> None:
        """Stop the groups in reverse order; the processes of a group stop concurrently."""
        for group in reversed(self._groups):
            for entry in group:
                entry.process.request_stop()
            for entry in group:
                entry.process.finish_stop(self.is_forced)
        self._groups.clear()

    def _entries(self) -> Iterator[_Entry]:
        for group in self._groups:
            yield from group

    def _rotate_logs(self) -> None:
        """Rotate the logs that have grown too large; a full disk is no reason to stop."""
        with suppress(OSError):
            for entry in self._entries():
                entry.process.rotate_log()

    def _wait_until_ready(self, process: SupervisedProcess) -> None:
        wait_until(
            lambda: process.is_ready() or not process.is_alive(), READY_SECONDS, self.is_stopping
        )
        if self.is_stopping():
            raise StartInterruptedError(f"{process.name} was interrupted by a stop request")
        if not process.is_alive():
            raise EmbeddedError(f"{process.name} {process.exit_description()}; see {process.log}")
        if not process.is_ready():
            raise EmbeddedError(
                f"{process.name} was not ready within {READY_SECONDS:.0f} s; see {process.log}"
            )

    def _restart_if_exited(self, entry: _Entry) -> bool:
        """Check that the process is running; schedule or perform its restart otherwise."""
        now = time.monotonic()
        if entry.process.is_alive():
            if now - entry.started_at >= self._policy.stable_after:
                entry.failures = 0
            return True
        if entry.restart_at is None:
            self._schedule_restart(entry, now)
        elif now >= entry.restart_at:
            self._restart(entry)
        return False

    def _schedule_restart(self, entry: _Entry, now: float) -> None:
        process = entry.process
        entry.failures += 1
        if entry.failures > self._policy.max_failures:
            raise EmbeddedError(
                f"{process.name} failed {entry.failures} times in a row; stopping everything. "
                f"See {process.log}"
            )
        delay = self._policy.delay(entry.failures)
        entry.restart_at = now + delay
        self._report(f"{process.name} {process.exit_description()}; restarting in {delay:.1f} s")

    def _restart(self, entry: _Entry) -> None:
        entry.restart_at = None
        try:
            entry.process.start(self.is_stopping)
            entry.started_at = time.monotonic()
            self._on_change()
            self._report(f"{entry.process.name} was restarted")
        except StartInterruptedError:
            raise
        except EmbeddedError as error:
            self._report(str(error))
