"""Opening of a delivery, a directory or a ZIP file; neither is trusted."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.delivery_source import (
    DeliverySource,
    SourceLimits,
    UnreadableDeliveryError,
    not_a_regular_file,
    too_large,
    too_many_files,
    unknown_file,
)
from shared.deliveries.faults import Fault, FaultLog
from shared.deliveries.zip_archive import open_archive


@contextmanager
def open_delivery(path: Path, limits: SourceLimits, faults: FaultLog) -> Iterator[DeliverySource]:
    """Open the delivery at `path`, and add the faults of its files to `faults`.

    Raises:
        UnreadableDeliveryError: `path` is neither a directory nor a valid ZIP file.
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
                "The path is neither a directory nor a readable file.",
                "Give the path of a directory or ZIP file that this process may read.",
            )
        ) from None
    with file, open_archive(file, limits, faults) as source:
        yield source


def _open_directory(path: Path, limits: SourceLimits, faults: FaultLog) -> DeliverySource:
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
                faults.add(not_a_regular_file(entry.name, is_symlink=stat.S_ISLNK(status.st_mode)))
                rejected.add(entry.name)
            else:
                total += status.st_size
                openers[entry.name] = _regular_file_opener(path / entry.name)
    if total > limits.max_bytes:
        raise UnreadableDeliveryError(too_large())
    return DeliverySource(openers, rejected, limits)


def _regular_file_opener(path: Path) -> Callable[[], IO[bytes]]:
    def open_regular_file() -> IO[bytes]:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")

    return open_regular_file
