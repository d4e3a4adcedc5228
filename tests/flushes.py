"""A record of the flushes to the disk that a test causes, in their order."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import pytest


@dataclass
class Flushes:
    """The flushed files and directories, each with the names in its directory at that moment."""

    paths: list[str] = field(default_factory=list)
    listings: list[list[str]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        flush = os.fsync

        def fsync(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            directory = path if path.is_dir() else path.parent
            flush(descriptor)
            with self._lock:
                self.paths.append(str(path))
                self.listings.append(sorted(entry.name for entry in directory.iterdir()))

        monkeypatch.setattr(os, "fsync", fsync)
