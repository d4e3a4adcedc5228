"""Batches of objects in a directory: written at once, flushed to the disk in parallel.

A store of the S3 protocol is durable when it answers: nothing is flushed there.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.core.durable_files import flush

FLUSH_THREADS = 2
"""Flushes wait for the disk while the worker renders the next object."""


class DirectoryFlusher:
    """A flusher of the objects of a store in a directory.

    It remembers the directories whose own entry it has flushed: they are never removed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable = {root}

    def flush_content(self, key: str) -> None:
        flush(self._root / key)

    def flush_entries(self, keys: Iterable[str]) -> None:
        """Flush the directories of objects, and the entries of those that may be new."""
        for directory in {(self._root / key).parent for key in keys}:
            flush(directory)
            new = takewhile(lambda one: one not in self._durable, (directory, *directory.parents))
            for one in list(new):
                flush(one.parent)
                self._durable.add(one)


class WriteBatch:
    """Objects that are written at once, and durable when the `with` block has ended.

    After an error in the block nothing is promised about any of them.
    """

    def __init__(
        self, write: Callable[[str, bytes], None], flusher: DirectoryFlusher | None
    ) -> None:
        self._write = write
        self._flusher = flusher
        self._keys: list[str] = []
        self._flushed: list[Future[None]] = []
        self._threads = ThreadPoolExecutor(FLUSH_THREADS, thread_name_prefix="flush")

    def put(self, key: str, content: bytes) -> None:
        """Store an object; it is flushed in the background."""
        self._write(key, content)
        self._keys.append(key)
        if self._flusher is not None:
            self._flushed.append(self._threads.submit(self._flusher.flush_content, key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=error is not None)
        if error is None and self._flusher is not None:
            for flushed in self._flushed:
                flushed.result()
            self._flusher.flush_entries(self._keys)
