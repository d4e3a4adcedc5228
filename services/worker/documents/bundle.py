"""Bundles: ZIPs of stored members, each a byte range, and one ZIP of several bundles."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from io import SEEK_SET, BytesIO
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile, ZipInfo

if TYPE_CHECKING:
    from hashlib import _Hash as HASH  # the stub's name for what sha256() returns

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


@dataclass
class BundleEntries:
    """Consecutive stored members: a ZIP without its central directory.

    The same members in the same order give the same bytes. Each member is a range of them.
    """

    pieces: list[bytes] = field(default_factory=list)
    members: list[ZipInfo] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, data: bytes, crc32: int) -> int:
        """Add a member uncompressed; return the offset of its data."""
        member = ZipInfo(name, _ZIP_EPOCH)
        member.create_system = _UNIX
        member.external_attr = 0o644 << 16
        member.header_offset, member.CRC = self.size, crc32
        member.file_size = member.compress_size = len(data)
        header = member.FileHeader()
        self.pieces += (header, data)
        self.members.append(member)
        offset = self.size + len(header)
        self.size = offset + len(data)
        return offset


class _OffsetFile(BytesIO):
    """The end of a file whose first `start` bytes are not in memory."""

    start = 0

    def tell(self) -> int:
        return self.start + super().tell()

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        moved = offset - self.start if whence == SEEK_SET else offset
        return self.start + super().seek(moved, whence)


def central_directory(members: Iterable[ZipInfo], start: int) -> bytes:
    """Return the end of a ZIP whose entries are its first `start` bytes.

    In ZIP64 format for more than 65,535 members or 4 GiB.
    """
    end = _OffsetFile()
    with ZipFile(end, "w") as archive:
        end.start = archive.start_dir = start
        archive.infolist().extend(members)
    return end.getvalue()


def read_bundle(end: bytes, start: int = 0) -> BundleEntries:
    """Return the entries of a bundle whose first `start` bytes are those of other entries."""
    file = _OffsetFile(end)
    file.start = start
    with ZipFile(file) as archive:
        size = archive.start_dir - start
        members = [one for one in archive.infolist() if one.header_offset >= start]
    for member in members:
        member.header_offset -= start
    return BundleEntries([end[:size]], members, size)


class BundleEnd(NamedTuple):
    """The bytes after the entries of a joined bundle, and the SHA-256 of the whole."""

    data: bytes
    sha256: bytes


@dataclass
class JoinedBundle:
    """One ZIP of the entries of several bundles, which are stored separately."""

    members: list[ZipInfo] = field(default_factory=list)
    size: int = 0
    _hasher: "HASH" = field(default_factory=sha256)

    def copy(self) -> "JoinedBundle":
        """Return a bundle that goes on from here, without hashing these entries again."""
        return JoinedBundle([*self.members], self.size, self._hasher.copy())

    def add(self, entries: BundleEntries) -> None:
        for member in entries.members:
            moved = copy(member)
            moved.header_offset += self.size
            self.members.append(moved)
        for piece in entries.pieces:
            self._hasher.update(piece)
        self.size += entries.size

    def end(self) -> BundleEnd:
        """Return the end of the bundle, which can have more entries afterwards."""
        directory = central_directory(self.members, self.size)
        hasher = self._hasher.copy()
        hasher.update(directory)
        return BundleEnd(directory, hasher.digest())
