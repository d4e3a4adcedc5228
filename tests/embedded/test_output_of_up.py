"""What `up` prints is a courtesy: nothing stops when nobody reads it."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.data_directory import DataDirectory
from tests.embedded.conftest import SMALL_SERVICE, TIMEOUT_SECONDS

Eventually = Callable[[Callable[[], object]], bool]


@pytest.fixture
def start_with_output(directory: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    started = []

    def start(output: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(SMALL_SERVICE), "up", str(directory)]
        started.append(subprocess.Popen(command, stdout=output, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_SECONDS) == 0


def is_ready(data: DataDirectory) -> bool:
    instance = data.read_running()
    return instance is not None and instance.api_url is not None


def assert_restarts(data: DataDirectory, eventually: Eventually) -> None:
    """Kill a worker, about which `up` prints lines, and wait until another one runs."""

    def worker() -> Any:
        instance = data.read_running()
        assert instance is not None, "up has stopped"
        return next(p.identity for p in instance.processes if p.name == "worker-1")

    killed = worker()
    os.kill(killed.pid, signal.SIGKILL)
    assert eventually(lambda: worker() != killed and worker().is_alive())


def test_up_goes_on_when_its_reader_is_gone(
    start_with_output: Callable[..., Any], directory: Path, eventually: Eventually
) -> None:
    reader, writer = os.pipe()
    up = start_with_output(writer)
    os.close(writer)
    with os.fdopen(reader) as lines:
        assert ": up, process" in lines.readline()
    data = DataDirectory(directory)
    assert eventually(lambda: is_ready(data) or up.poll() is not None)
    assert_restarts(data, eventually)
    assert up.poll() is None


def test_up_goes_on_when_its_output_is_full(
    start_with_output: Callable[..., Any], directory: Path, eventually: Eventually
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    up = start_with_output(full)
    os.close(full)
    data = DataDirectory(directory)
    assert eventually(lambda: is_ready(data) or up.poll() is not None)
    assert_restarts(data, eventually)
    assert up.poll() is None


@pytest.mark.xdist_group("steady_up")
def test_logs_are_private_to_the_owner(steady_up: Any, shared_directory: Path) -> None:
    steady_up.until_ready()
    logs = {path.name: path.stat() for path in (shared_directory / "logs").iterdir()}
    assert {"watchdog.log", "postgres.log", "api.log"} <= set(logs)
    assert {stat.S_IMODE(state.st_mode) for state in logs.values()} == {0o600}


def test_empty_key_file_is_named(start_up: Callable[..., Any], directory: Path) -> None:
    (directory / "keys").mkdir(mode=0o700, parents=True)
    (directory / "keys" / "insz-key").touch(0o600)
    up = start_up(directory)
    output, _ = up.process.communicate(timeout=TIMEOUT_SECONDS)
    assert up.process.returncode == 1
    assert f"the key file {directory / 'keys' / 'insz-key'} is empty" in output
    assert "backup" in output
