"""A disk in a file, of which a power cut leaves only what was written to it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.core.settings import MIB

WRITES, IN_FLIGHT = 4, 8
"""Positions in the statistics of a block device."""
NEEDS = "needs root and loop devices"


def can_mount() -> bool:
    """Return True if this process can mount a file as a disk."""
    return os.geteuid() == 0 and os.access("/dev/loop-control", os.R_OK | os.W_OK)


class LoopDisk:
    """A mounted file system in the file `image`; only root can mount it.

    The file has what the kernel has written to the disk, and nothing of its cache.
    """

    def __init__(self, directory: Path, mebibytes: int) -> None:
        self.mount_point = directory / "disk"
        self._image = directory / "disk.img"
        self._directory = directory
        self.mount_point.mkdir()
        with self._image.open("wb") as file:
            file.truncate(mebibytes * MIB)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image))
        run("mount", "-o", "loop", str(self._image), str(self.mount_point))

    @contextmanager
    def after_power_cut(self) -> Iterator[Path]:
        """Mount a copy of the disk as a power cut at this moment would leave it.

        Nothing may write to the disk meanwhile: stop those processes first.
        """
        with tempfile.TemporaryDirectory(dir=self._directory) as directory:
            copy, mount_point = Path(directory, "copy.img"), Path(directory, "mount")
            mount_point.mkdir()
            self._copy_to(copy)
            run("mount", "-o", "loop", str(copy), str(mount_point))
            try:
                yield mount_point
            finally:
                run("umount", str(mount_point))

    def cut_power(self) -> None:
        """Go on with the disk as a power cut at this moment would leave it."""
        copy = self._directory / "copy.img"
        self._copy_to(copy)
        self.unmount()
        copy.replace(self._image)
        run("mount", "-o", "loop", str(self._image), str(self.mount_point))

    def unmount(self) -> None:
        run("umount", str(self.mount_point))

    def _copy_to(self, copy: Path) -> None:
        """Copy the image between two writes of the kernel: it writes its cache now and then."""
        while True:
            before = self._writes()
            run("cp", "--sparse=always", str(self._image), str(copy))
            if before == self._writes() and before[1] == "0":
                return

    def _writes(self) -> tuple[str, str]:
        device = run("findmnt", "--noheadings", "--output", "SOURCE", str(self.mount_point))
        fields = Path("/sys/block", Path(device).name, "stat").read_text().split()
        return fields[WRITES], fields[IN_FLIGHT]


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def loop_disk(mebibytes: int) -> Iterator[LoopDisk]:
    """Mount a new disk outside pytest's directory, which the servers' user may not read."""
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-disk-") as directory:
        disk = LoopDisk(Path(directory), mebibytes)
        try:
            yield disk
        finally:
            disk.unmount()
