"""Files that are on the disk before anybody is told: content and directory entries are flushed.

A write or a rename alone is lost in a power cut, up to half a minute later.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_durably(path: Path, content: bytes, *, overwrite: bool = True) -> None:
    """Write a file atomically and durably, readable by its owner only.

    Raises:
        FileExistsError: when the file exists, with `overwrite` False.
        OSError: when it cannot be written; nothing remains of the draft.
    """
    draft = path.with_name(f"{path.name}#{secrets.randbits(64)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            draft.replace(path)
        else:
            os.link(draft, path)
    finally:
        with suppress(OSError):  # where nothing can be written, nothing can be removed
            draft.unlink(missing_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """Flush the content of a file, or the entries of a directory, to the disk."""
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def begin_flush(path: Path) -> None:
    """Let the kernel begin to write a file to the disk, without waiting for it.

    `flush` then has little to wait for, and files that were begun together share its cost. Linux
    begins to write when it is told that a file is not needed in its cache.
    """
    with _opened(path) as descriptor:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_directory_durably(path: Path, mode: int = 0o700) -> None:
    """Create a directory, and its parents, unless they exist."""
    missing = [path, *path.parents]
    missing = missing[: next(n for n, directory in enumerate(missing) if directory.exists())]
    path.mkdir(mode, parents=True, exist_ok=True)
    for directory in reversed(missing):
        flush(directory.parent)
