"""Which process a pid meant: the number and a mark of its start, so a recycled pid is seen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """`started` is the boot and the clock tick of the start; a change of clock leaves it alone."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """None when no such process runs; one that ended and was not collected does not run."""
        started = _start_mark(pid)
        return None if started is None else cls(pid, started)

    def is_alive(self) -> bool:
        return _start_mark(self.pid) == self.started


def _start_mark(pid: int) -> str | None:
    return _linux_start_mark(pid) if _BOOT.exists() else _other_start_mark(pid)


def _linux_start_mark(pid: int) -> str | None:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in brackets and may hold anything; proc(5) counts on after the last one.
    fields = state.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    return f"{_BOOT.read_text(encoding='ascii').strip()}:{fields[19]}"


def _other_start_mark(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
