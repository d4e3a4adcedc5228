"""Temporary data directories, the processes in them, and an `up` of small programs."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from embedded.data_directory import DataDirectory
from embedded.running_instance import RunningInstance

SMALL_SERVICE = Path(__file__).with_name("small_service.py")
TIMEOUT_SECONDS = 30.0

ProcessesOf = Callable[[Path], list[psutil.Process]]


@pytest.fixture
def directory() -> Iterator[Path]:
    with _temporary_directory() as path:
        yield path


@pytest.fixture(scope="module")
def shared_directory() -> Iterator[Path]:
    """Return a data directory for tests that do not change it."""
    with _temporary_directory() as path:
        yield path


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """Yield a path outside pytest's directories, which may not be readable by other users."""
    parent = Path(tempfile.mkdtemp(prefix="toetsfeedback-test-"))
    yield parent / "data"
    for process in _processes_of(parent):
        process.kill()
    shutil.rmtree(parent)


@pytest.fixture(scope="session")
def processes_of() -> ProcessesOf:
    """Find the processes with a directory as working directory, argument or variable."""
    return _processes_of


def _processes_of(directory: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            traces = [process.cwd(), *process.cmdline(), *process.environ().values()]
            is_running = process.status() != psutil.STATUS_ZOMBIE
            if is_running and any(str(directory) in trace for trace in traces):
                found.append(process)
    return found


def eventually(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[[Callable[[], object]], bool]:
    return eventually


class Exit(NamedTuple):
    code: int
    output: str


class Up:
    """A separate process that calls `run_up`."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.data = DataDirectory(directory)
        self.process = subprocess.Popen(
            [sys.executable, str(SMALL_SERVICE), "up", str(directory), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until_ready(self) -> RunningInstance:
        assert eventually(lambda: self.process.poll() is not None or self.is_ready())
        instance = self.data.read_running()
        assert instance is not None, self.process.communicate()[0]
        return instance

    def is_ready(self) -> bool:
        instance = self.data.read_running()
        return instance is not None and instance.api_url is not None

    def pid_of(self, name: str) -> int | None:
        instance = self.data.read_running()
        identities = {p.name: p.identity for p in instance.processes} if instance else {}
        identity = identities.get(name)
        return identity.pid if identity and identity.is_alive() else None

    def is_restarted(self, name: str, killed: int) -> bool:
        return self.pid_of(name) not in {killed, None}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Exit:
        """Send the signal to the process group, and return the exit code and the output."""
        os.killpg(self.process.pid, number)
        output, _ = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return Exit(self.process.returncode, output)


@pytest.fixture
def start_up() -> Iterator[Callable[..., Up]]:
    with _starting() as start:
        yield start


@pytest.fixture(scope="module")
def steady_up(shared_directory: Path) -> Iterator[Up]:
    with _starting() as start:
        up = start(shared_directory)
        up.until_ready()
        yield up
        assert up.stop().code == 0


@contextmanager
def _starting() -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(directory: Path, *arguments: str) -> Up:
        started.append(Up(directory, *arguments))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.stop(signal.SIGKILL)
        if up.process.stdout:
            up.process.stdout.close()
