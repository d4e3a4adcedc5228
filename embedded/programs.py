"""The programs of the project as child processes: the API, the workers and one-off commands."""

import http.client
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from embedded.child_process import ChildProcess, Condition, never, wait_until
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.ports import LOOPBACK

PROJECT = Path(__file__).resolve().parents[1]

GRACE_SECONDS = 6.0

Command = Callable[..., list[str]]
"""Returns the command to execute for the arguments of `toetsfeedback`."""


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this code; `-P` excludes the current directory."""
    return [sys.executable, "-P", "-m", module, *arguments]


def toetsfeedback_command(*arguments: str) -> list[str]:
    return python_command("services.cli.main", *arguments)


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program, which reaches the other ones without a proxy."""
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    no_proxy = f"{direct},{LOOPBACK}" if direct else LOOPBACK
    inherited = [path for path in [os.environ.get("PYTHONPATH")] if path]
    return (
        dict(os.environ)
        | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *inherited]), "PYTHONUNBUFFERED": "1"}
        | {"NO_PROXY": no_proxy, "no_proxy": no_proxy}
        | dict(settings)
    )


class Program(ChildProcess):
    """A long-running program with a readiness check."""

    def __init__(
        self,
        name: str,
        log: Path,
        command: Sequence[str],
        settings: Mapping[str, str],
        is_ready: Condition,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        super().__init__(name, log, [(signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)])
        self._command = command
        self._settings = settings
        self._is_ready = is_ready

    def start(self, interrupted: Condition = never) -> None:
        if interrupted():
            raise StartInterruptedError(f"{self.name} was not started, due to a stop request")
        self._kill_session()
        self.spawn(self._command, child_environment(self._settings))

    def is_ready(self) -> bool:
        return self.is_alive() and self._is_ready()


def run_to_completion(
    name: str,
    log: Path,
    command: Sequence[str],
    settings: Mapping[str, str],
    interrupted: Condition = never,
) -> None:
    """Run a command and wait for its exit.

    Raises:
        EmbeddedError: the exit code is not 0.
    """
    child = ChildProcess(name, log, [(signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 5.0)])
    try:
        child.spawn(command, child_environment(settings))
        wait_until(lambda: not child.is_alive(), float("inf"), interrupted)
        if child.is_alive():
            raise StartInterruptedError(f"{name} was interrupted by a stop request")
    finally:
        child.finish_stop()
    if child.exit_code != 0:
        raise EmbeddedError(f"{name} {child.exit_description()}; see {log}")


def is_healthy(port: int) -> bool:
    """Check that `GET /health` on loopback has the status 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
