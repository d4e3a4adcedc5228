"""A child process in its own session, with its output in a log file."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from embedded.errors import EmbeddedError
from embedded.process_identity import ProcessIdentity
from embedded.service_user import ServiceUser

Condition = Callable[[], bool]

Escalation = Sequence[tuple[signal.Signals, float]]
"""Signals in the order in which they are sent, each with the seconds to wait for its effect."""

REFUSAL_PREFIX = "toetsfeedback: "
"""The beginning of the line with which `toetsfeedback` reports an error."""

LOG_ROTATION_BYTES = 10 * 1024 * 1024


def never() -> bool:
    return False


def wait_until(condition: Condition, seconds: float, is_cancelled: Condition = never) -> bool:
    """Wait until the condition is true; False after a timeout or cancellation."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or is_cancelled():
            return False
        time.sleep(0.02)
    return True


def _identity_of(user: ServiceUser | None) -> dict[str, Any]:
    """Return the arguments of Popen that switch to the user."""
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}


def open_private(path: Path, flags: int) -> BinaryIO:
    """Open a file for writing that only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600), "ab")


class ChildProcess:
    """A child process in its own session: its parent stops it, not Ctrl-C at the terminal."""

    def __init__(self, name: str, log: Path, escalation: Escalation) -> None:
        self.name = name
        self.log = log
        self._escalation = escalation
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_requested = False
        self._log_offset = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self.is_alive() else None

    @property
    def identity(self) -> ProcessIdentity | None:
        return None if self.pid is None else ProcessIdentity.of(self.pid)

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        user: ServiceUser | None = None,
        directory: Path | None = None,
        secret_input: bytes = b"",
    ) -> None:
        """Start the process, or restart it.

        `secret_input` is written to its standard input, so that no argument contains a secret.
        """
        if self.is_alive():
            self.finish_stop()
        self._stop_requested = False
        try:
            with self._open_log() as log:
                self._process = subprocess.Popen(
                    command,
                    env=environment,
                    cwd=directory,
                    stdin=subprocess.PIPE if secret_input else subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                    **_identity_of(user),
                )
        except OSError as error:
            raise EmbeddedError(
                f"{self.name} cannot be started from {command[0]} ({error}): fix that, or install "
                "the project again"
            ) from error
        if self._process.stdin:
            with suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(secret_input)

    def rotate_log(self, limit: int = LOG_ROTATION_BYTES) -> None:
        """Move a log that has grown too large to `.log.1`, while the process writes to it.

        The process appends to the same file, which is emptied: lines of the moment between copy and
        truncation are lost.
        """
        with suppress(FileNotFoundError):
            if self.log.stat().st_size <= limit:
                return
            draft = self.log.with_suffix(".log.draft")
            with self.log.open("r+b") as log, open_private(draft, os.O_TRUNC) as copy:
                shutil.copyfileobj(log, copy, 1024 * 1024)
                log.truncate(0)
            draft.replace(self.log.with_suffix(".log.1"))
            self._log_offset = 0

    def _open_log(self) -> BinaryIO:
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_ROTATION_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
        log = open_private(self.log, os.O_APPEND)
        self._log_offset = log.tell()
        return log

    def output(self) -> str:
        """Return the output since the last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_offset)
            return log.read(100_000).decode(errors="replace")

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code: None for a running process, negative for the signal that killed it."""
        return self._process.poll() if self._process else None

    def exit_description(self) -> str:
        code = self.exit_code
        if code is None:
            return "was not started" if self._process is None else "is still running"
        if code < 0:
            return f"was killed by signal {-code}"
        reason = self._refusal()
        return f"exited with code {code}" + (f" ({reason})" if reason else "")

    def _refusal(self) -> str:
        """Return the reason that a command of the project has printed, if it has."""
        with suppress(OSError):
            for line in reversed(self.output().splitlines()):
                if line.startswith(REFUSAL_PREFIX):
                    return line.removeprefix(REFUSAL_PREFIX)
        return ""

    def request_stop(self) -> None:
        """Send the first signal, once and without waiting; several processes can stop at a time."""
        if self.is_alive() and not self._stop_requested:
            self._stop_requested = True
            self._send(self._escalation[0][0])

    def finish_stop(self, is_forced: Condition = never) -> None:
        """Wait for the exit and escalate; `is_forced` skips the rest of each wait."""
        self.request_stop()
        for step, (number, seconds) in enumerate(self._escalation):
            if step > 0 and self.is_alive():
                self._send(number)
            is_last = step == len(self._escalation) - 1
            wait_until(lambda: not self.is_alive(), seconds, never if is_last else is_forced)
        self._kill_session()

    def _send(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _kill_session(self) -> None:
        """Kill the descendants that outlived the process; their group has its pid.

        The system does not reuse that pid as long as the group exists.
        """
        if self._process and ProcessIdentity.of(self._process.pid) is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
