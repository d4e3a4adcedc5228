"""The identity of a process: its pid and its start time, which detects a reused pid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A pid and the boot and clock tick of its start, which do not change with the clock."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the identity of a running process, None for another pid or a zombie."""
        started = _start_time(pid)
        return None if started is None else cls(pid, started)

    def is_alive(self) -> bool:
        return _start_time(self.pid) == self.started


def _start_time(pid: int) -> str | None:
    return _linux_start_time(pid) if _BOOT.exists() else _other_start_time(pid)


def _linux_start_time(pid: int) -> str | None:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name is in parentheses and may contain any character; see proc(5) for the fields after it.
    fields = state.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    return f"{_BOOT.read_text(encoding='ascii').strip()}:{fields[19]}"


def _other_start_time(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
