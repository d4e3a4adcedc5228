"""The project's own programs as children: the API, workers, and commands that run to their end."""

import http.client
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedded.children import Child, Question, never, wait_until
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.ports import LOOPBACK

PROJECT = Path(__file__).resolve().parents[1]

GRACE_SECONDS = 6.0


def python_command(module: str, *arguments: str) -> list[str]:
    """Runs a module of the same code as this process; `-P` keeps the current folder out of it."""
    return [sys.executable, "-P", "-m", module, *arguments]


def toetsfeedback_command(*arguments: str) -> list[str]:
    return python_command("services.cli.main", *arguments)


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = [path for path in [os.environ.get("PYTHONPATH")] if path]
    return (
        dict(os.environ)
        | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *inherited]), "PYTHONUNBUFFERED": "1"}
        | dict(settings)
    )


class Program(Child):
    """A long-running program of ours; `is_ready` asks it whether it does its work."""

    def __init__(
        self,
        name: str,
        log: Path,
        command: Sequence[str],
        settings: Mapping[str, str],
        is_ready: Question,
    ) -> None:
        super().__init__(name, log, [(signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 5.0)])
        self._command = command
        self._settings = settings
        self._is_ready = is_ready

    def start(self, interrupted: Question = never) -> None:
        if interrupted():
            raise StartInterruptedError(f"{self.name} was not started: a stop was asked for")
        self._end_session()
        self.spawn(self._command, child_environment(self._settings))

    def is_ready(self) -> bool:
        return self.is_alive() and self._is_ready()


def run_to_end(
    name: str,
    log: Path,
    command: Sequence[str],
    settings: Mapping[str, str],
    interrupted: Question = never,
) -> None:
    """Raises EmbeddedError unless the command ends with exit code 0."""
    child = Child(name, log, [(signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 5.0)])
    try:
        child.spawn(command, child_environment(settings))
        wait_until(lambda: not child.is_alive(), float("inf"), interrupted)
        if child.is_alive():
            raise StartInterruptedError(f"{name} was broken off: a stop was asked for")
    finally:
        child.finish_stop()
    if child.exit_code != 0:
        raise EmbeddedError(f"{name} {child.how_it_ended()}: {log} says why")


def answers_health(port: int) -> bool:
    """Whether `GET /health` on loopback answers 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
