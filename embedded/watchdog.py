"""A watchdog process that stops the servers and programs of an owner that was killed.

It reads from a pipe that only the owner has open. An owner that stops normally dismisses it; the
pipe of a killed owner ends. (PR_SET_PDEATHSIG is no alternative: it is lost when a server changes
its user, is sent when a thread exits, and would stop all processes at once.)
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedded.child_process import open_private
from embedded.data_directory import DataDirectory
from embedded.orphans import stop_orphans
from embedded.programs import child_environment, python_command

DISMISSED = b"."


@contextmanager
def start_watchdog(data: DataDirectory) -> Iterator[None]:
    """Stop everything that runs in the directory if this process is killed inside the block."""
    with open_private(data.log("watchdog"), os.O_APPEND) as log:
        watchdog = subprocess.Popen(
            python_command("embedded.watchdog", str(data.path)),
            env=child_environment({}),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            watchdog.communicate(DISMISSED)


def main() -> None:
    if sys.stdin.buffer.read(1) == DISMISSED:
        return
    data = DataDirectory(Path(sys.argv[1]))
    # A new owner that gets the lock first stops everything itself.
    with data.locked_if_free() as is_locked:
        if is_locked:
            stop_orphans(data, print)


if __name__ == "__main__":
    main()
