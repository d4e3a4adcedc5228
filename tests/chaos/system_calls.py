"""A trace of the system calls of a program: what it flushes to the disk, and what it sends.

The trace is that of strace, a program of Debian. It needs no root.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from shutil import which

from embedded.programs import toetsfeedback_command

_FLUSH = re.compile(r"f(?:data)?sync\(\d+<([^>]+)>")
_SEND = re.compile(r'sendto\((\d+)<[^>]*>, "(.*)"')
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_THREAD = re.compile(r"(\d+)\s+(.*)")


def can_trace() -> bool:
    """Check for strace, and for the permission to trace a child process."""
    if not (strace := which("strace")):
        return False
    traced = [strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync", "true"]
    return subprocess.run(traced, capture_output=True, check=False).returncode == 0


class TracedCommand:
    """Commands of `toetsfeedback` whose system calls are traced, each into a file of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count()

    def __call__(self, *arguments: str) -> list[str]:
        file = self._directory / f"{arguments[0]}-{next(self._numbers)}"
        # The program stays the child of the test, so that a signal reaches it: `-D`.
        options = ["-D", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "100000"]
        traced = ["-e", "trace=fsync,fdatasync,sendto", "-e", "signal=none", "-o", str(file)]
        return ["strace", *options, *traced, *toetsfeedback_command(*arguments)]

    def traces(self, program: str) -> list[list[str]]:
        """Return the calls of each process of a program."""
        files = sorted(self._directory.glob(f"{program}-*"))
        return [list(complete_calls(file.read_text().splitlines())) for file in files]


def complete_calls(lines: list[str]) -> Iterator[str]:
    """Yield each call: a flush when it has ended, what is sent when it begins."""
    flushing: dict[str, str] = {}
    for line in lines:
        if not (found := _THREAD.fullmatch(line)):
            continue
        thread, call = found.groups()
        if _FLUSH.match(call) and call.endswith("<unfinished ...>"):
            flushing[thread] = call
        elif (resumed := _RESUMED.match(call)) and "sync" in resumed[1]:
            if call.endswith(" = 0"):
                yield flushing.pop(thread)
        elif _SEND.match(call) or (_FLUSH.match(call) and call.endswith(" = 0")):
            yield call


def flushed_path(call: str) -> Path | None:
    found = _FLUSH.match(call)
    return Path(found[1]) if found else None


def keys_sent(calls: list[str], key: re.Pattern[str]) -> dict[str, int]:
    """Return the position of the first call with which each key was sent to a server."""
    positions: dict[str, int] = {}
    sent: dict[str, str] = defaultdict(str)
    for position, call in enumerate(calls):
        if found := _SEND.match(call):
            socket, content = found.groups()
            sent[socket] = sent[socket][-200:] + content  # a key can be in two pieces
            for name in key.findall(sent[socket]):
                positions.setdefault(name, position)
    return positions
