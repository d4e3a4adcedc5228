"""Batches of objects in a directory: written at once, and flushed to the disk together.

A store of the S3 protocol is durable when it answers: nothing is flushed there.
"""

from collections.abc import Callable, Collection
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.core.durable_files import begin_flush, flush


class DirectoryFlusher:
    """A flusher of the objects of a store in a directory.

    It remembers the directories whose own entry it has flushed: they are never removed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable = {root}

    def begin(self, key: str) -> None:
        """Let the kernel begin to write an object to the disk."""
        begin_flush(self._root / key)

    def flush(self, keys: Collection[str]) -> None:
        """Flush objects, their directories, and the entries of those that may be new."""
        for key in keys:
            flush(self._root / key)
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

    def put(self, key: str, content: bytes) -> None:
        """Store an object; the disk receives it while the next one is made."""
        self._write(key, content)
        self._keys.append(key)
        if self._flusher is not None:
            self._flusher.begin(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if error is None and self._flusher is not None:
            self._flusher.flush(self._keys)
