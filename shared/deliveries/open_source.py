"""Opens what was handed over, a directory or a ZIP file, and trusts neither."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.faults import Fault, FaultLog
from shared.deliveries.source_files import (
    Source,
    SourceLimits,
    UnreadableDeliveryError,
    no_plain_file,
    too_large,
    too_many_files,
    unknown_file,
)
from shared.deliveries.zip_archive import open_archive


@contextmanager
def open_source(path: Path, limits: SourceLimits, faults: FaultLog) -> Iterator[Source]:
    """The delivery at `path`; what is wrong with single files goes to `faults`.

    Raises:
        UnreadableDeliveryError: it is neither a directory nor a sound ZIP file.
    """
    if path.is_dir():
        yield _open_directory(path, limits, faults)
        return
    try:
        file = path.open("rb")
    except OSError:
        raise UnreadableDeliveryError(
            Fault(
                "sourceUnreadable",
                "The path names neither a directory nor a file that can be read.",
                "Name the directory or the ZIP file of a delivery that this process may read.",
            )
        ) from None
    with file, open_archive(file, limits, faults) as source:
        yield source


def _open_directory(path: Path, limits: SourceLimits, faults: FaultLog) -> Source:
    openers: dict[str, Callable[[], IO[bytes]]] = {}
    rejected: set[str] = set()
    total = 0
    with os.scandir(path) as entries:
        for count, entry in enumerate(entries, 1):
            if count > limits.max_entries:
                raise UnreadableDeliveryError(too_many_files())
            status = entry.stat(follow_symlinks=False)
            if entry.name not in FILE_NAMES:
                faults.add(unknown_file(entry.name, "Remove it from the delivery."))
            elif not stat.S_ISREG(status.st_mode):
                faults.add(no_plain_file(entry.name, is_symlink=stat.S_ISLNK(status.st_mode)))
                rejected.add(entry.name)
            else:
                total += status.st_size
                openers[entry.name] = _regular_file_opener(path / entry.name)
    if total > limits.max_bytes:
        raise UnreadableDeliveryError(too_large())
    return Source(openers, rejected, limits)


def _regular_file_opener(path: Path) -> Callable[[], IO[bytes]]:
    def open_regular_file() -> IO[bytes]:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")

    return open_regular_file
