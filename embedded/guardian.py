"""A process that outlives its owner by a moment, to stop what the owner could not stop any more.

It waits at the end of a pipe that only the owner holds open. An owner that ends well says so; one
that is killed lets go of the pipe. (The system's own death signal would be lost when a server
changes its user, would come from the wrong thread, and would stop all parts at once.)
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedded.data_directory import DataDirectory
from embedded.leftovers import stop_leftovers
from embedded.processes import child_environment, python_command

ALL_STOPPED = b"."


@contextmanager
def guarded(data: DataDirectory) -> Iterator[None]:
    """While inside, the end of this process, however sudden, ends what runs in the directory."""
    with data.log("guardian").open("ab") as log:
        guardian = subprocess.Popen(
            python_command("embedded.guardian", str(data.path)),
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
            guardian.communicate(ALL_STOPPED)


def main() -> None:
    if sys.stdin.buffer.read(1) == ALL_STOPPED:
        return
    data = DataDirectory(Path(sys.argv[1]))
    # A new owner that is faster has stopped everything itself by the time it lets go.
    with data.locked_if_free() as is_ours:
        if is_ours:
            stop_leftovers(data, print)


if __name__ == "__main__":
    main()
