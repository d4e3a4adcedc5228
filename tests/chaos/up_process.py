"""`up` as a process, with everything that it started."""

import subprocess
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

from embedded.data_directory import DataDirectory
from embedded.programs import toetsfeedback_command

READY_SECONDS = 180.0


class UpProcess:
    """`up` in a data directory; the end of the block kills it and all processes it started."""

    def __init__(self, data: DataDirectory) -> None:
        self._data = data
        self._process = subprocess.Popen(
            toetsfeedback_command("up", "--data", str(data.path), "--workers", "1"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ((running := self._data.read_running()) and running.api_url):
            assert self._process.poll() is None, "up has ended"
            assert time.monotonic() < deadline, "timeout"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill all processes of the instance, and wait until they have ended."""
        self._process.kill()
        self._process.wait()
        while processes := self._processes():
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(processes, timeout=10)

    def _processes(self) -> list[psutil.Process]:
        """Find the processes with the directory as working directory, argument or variable."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                traces = [process.cwd(), *process.cmdline(), *process.environ().values()]
                if any(str(self._data.path) in trace for trace in traces):
                    found.append(process)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.kill()
