"""The instance of the demo: `toetsfeedback up` in a process of its own, stopped at the end."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from clients.python.http import open_client
from embedded.data_directory import DataDirectory
from embedded.running_instance import RunningInstance
from services.cli.steps import Steps
from shared.core.settings import Settings

TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.2


class DemoError(Exception):
    """A step failed; the message names it."""


@contextmanager
def running_instance(data: Path, steps: Steps) -> Iterator[tuple[Settings, httpx.Client]]:
    """Run `toetsfeedback up` in a separate process; stop it and verify that nothing is left."""
    command = [sys.executable, "-m", "services.cli.main", "up", "--data", str(data)]
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        with steps.step("Start PostgreSQL, Valkey, the API and two workers") as notes:
            instance = _wait_until_ready(process, data, log)
            notes.append(f"the API is at {instance.api_url}")
        with open_client(instance.api_url or "") as client:
            if not instance.is_development:
                raise DemoError("unset TOETSFEEDBACK_DATABASE_URL: the demo starts its own server")
            yield instance.settings(), client
    finally:
        with steps.step("Stop everything") as notes:
            left = _stop(process)
            notes.append(f"{left} processes still running")
    if left or process.returncode != 0:
        raise DemoError(f"{left} processes still run, exit code {process.returncode}")


def _stop(process: "subprocess.Popen[bytes]") -> int:
    """Stop the process; return the number of its child processes alive ten seconds later."""
    if process.poll() is not None:
        return 0
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    return len(psutil.wait_procs(children, timeout=10)[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", data: Path, log: Path) -> RunningInstance:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        instance = DataDirectory(data).read_running()
        if instance is not None and instance.api_url is not None:
            return instance
        time.sleep(POLL_SECONDS)
    cause = "ended" if process.poll() is not None else f"was not ready in {TIMEOUT_SECONDS} s"
    raise DemoError(f"the service {cause}; its log:\n{log.read_text(errors='replace')[-2000:]}")
