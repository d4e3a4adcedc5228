"""The common base of PostgreSQL and Valkey as child processes that listen on a loopback port."""

import re
import shutil
import time
from abc import ABC, abstractmethod

from embedded.child_process import ChildProcess, Condition, Escalation, wait_until
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.ports import choose_port, is_free

READY_SECONDS = 120.0
"""Includes the crash recovery of a database."""

MIN_FREE_BYTES = 1024 * 1024
"""With less than this a disk is full."""

_ERROR = re.compile(r"\b(ERROR|FATAL|PANIC): ")

RETRY_SECONDS = 20.0
"""The timeout of transient start errors: a port in use, shared memory of a killed server."""


class ServerProcess(ChildProcess, ABC):
    """A server on a port that stays the same for later starts of this object."""

    def __init__(self, name: str, data: DataDirectory, escalation: Escalation) -> None:
        super().__init__(name, data.log(name), escalation)
        self.data = data
        self._port: int | None = None

    @property
    def port(self) -> int:
        if self._port is None:
            raise EmbeddedError(f"{self.name} has no port yet: start it first")
        return self._port

    def is_ready(self) -> bool:
        return self.is_alive() and self._is_serving(self.port)

    @abstractmethod
    def _launch(self, port: int) -> None:
        """Start the process, without waiting for it."""

    @abstractmethod
    def _is_serving(self, port: int) -> bool:
        """Check that this process answers on the port."""

    @abstractmethod
    def _is_transient(self, error_output: str) -> bool:
        """Check whether another start can succeed after this output."""

    def _start_on_port(self, interrupted: Condition) -> None:
        deadline = time.monotonic() + RETRY_SECONDS
        while not self._try_port(
            self._port or choose_port(self.data.stored_port(self.name)), interrupted
        ):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} could not be started; see {self.log}")
            time.sleep(0.3)

    def _try_port(self, port: int, interrupted: Condition) -> bool:
        """Start the server on the port; False after a transient error.

        Raises:
            EmbeddedError: another attempt would fail too.
        """
        self._launch(port)
        wait_until(
            lambda: self._is_serving(port) or not self.is_alive(),
            READY_SECONDS,
            is_cancelled=interrupted,
        )
        if self.is_alive() and self._is_serving(port):
            self._port = port
            self.data.store_port(self.name, port)
            return True
        if interrupted():
            raise StartInterruptedError(f"{self.name} was interrupted by a stop request")
        if self.is_alive():
            raise EmbeddedError(
                f"{self.name} was not ready within {READY_SECONDS:.0f} s; see {self.log}"
            )
        error_output = self.output()
        if is_free(port) and not self._is_transient(error_output):
            reason = _reason_in(error_output) + self._full_disk()
            raise EmbeddedError(f"{self.name} {self.exit_description()} ({reason}); see {self.log}")
        return False

    def _full_disk(self) -> str:
        """Return the remedy for a full disk, on which the log cannot name it either."""
        if shutil.disk_usage(self.data.path).free >= MIN_FREE_BYTES:
            return ""
        return f"; no space left on device: free some space on the disk of {self.data.path}"


def _reason_in(error_output: str) -> str:
    """Return the last error in the output of a server, with the hints below it."""
    lines = error_output.strip().splitlines()
    errors = [number for number, line in enumerate(lines) if _ERROR.search(line)]
    return " ".join(line.strip() for line in lines[errors[-1] if errors else -1 :][:3])
