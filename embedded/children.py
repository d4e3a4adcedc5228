"""One child process in a session of its own, with its output in a log file."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from embedded.errors import EmbeddedError
from embedded.identity import ProcessIdentity
from embedded.service_user import ServiceUser

Question = Callable[[], bool]

Escalation = Sequence[tuple[signal.Signals, float]]
"""Signals in the order they are sent, each with the seconds it is given to work."""

LOG_TURNS_AT_BYTES = 10 * 1024 * 1024


def never() -> bool:
    return False


def wait_until(condition: Question, seconds: float, given_up: Question = never) -> bool:
    """Whether the condition came true in time; `given_up` ends the wait early."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or given_up():
            return False
        time.sleep(0.02)
    return True


class Child:
    """Its own session keeps a Ctrl-C at the terminal from it: its parent stops it, in order."""

    def __init__(self, name: str, log: Path, escalation: Escalation) -> None:
        self.name = name
        self.log = log
        self._escalation = escalation
        self._process: subprocess.Popen[bytes] | None = None
        self._is_asked_to_stop = False
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
        folder: Path | None = None,
        feed: bytes = b"",
    ) -> None:
        """Starts it, or starts it anew.

        `feed` is what it reads as standard input: how a secret reaches it, never as argument.
        """
        if self.is_alive():
            self.finish_stop()
        self._is_asked_to_stop = False
        try:
            with self._open_log() as log:
                self._process = subprocess.Popen(
                    command,
                    env=environment,
                    cwd=folder,
                    stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                    user=user.uid if user else None,
                    group=user.gid if user else None,
                    extra_groups=[] if user else None,
                )
        except OSError as error:
            raise EmbeddedError(
                f"{self.name} cannot be started from {command[0]} ({error}): mend that, or install "
                "the project again"
            ) from error
        if self._process.stdin:
            with suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(feed)

    def _open_log(self) -> BinaryIO:
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_TURNS_AT_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
        log = os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        self._log_offset = log.tell()
        return log

    def said(self) -> str:
        """What it wrote since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._log_offset)
            return log.read(100_000).decode(errors="replace")

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll() if self._process else None

    def how_it_ended(self) -> str:
        code = self.exit_code
        if code is None:
            return "was not started" if self._process is None else "still runs"
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def request_stop(self) -> None:
        """Asks once, without waiting; several children can so end side by side."""
        if self.is_alive() and not self._is_asked_to_stop:
            self._is_asked_to_stop = True
            self._send(self._escalation[0][0])

    def finish_stop(self, hurried: Question = never) -> None:
        """Waits for the end and escalates; `hurried` skips what is left of each patience."""
        self.request_stop()
        for step, (number, seconds) in enumerate(self._escalation):
            if step > 0 and self.is_alive():
                self._send(number)
            is_last = step == len(self._escalation) - 1
            wait_until(lambda: not self.is_alive(), seconds, never if is_last else hurried)
        self._end_session()

    def _send(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _end_session(self) -> None:
        """Ends what the child itself started and left behind; their group bears its number.

        While they live the system gives that number to nobody else.
        """
        if self._process and ProcessIdentity.of(self._process.pid) is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
