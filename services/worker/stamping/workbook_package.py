"""The ZIP around a workbook: constant parts packed once, others continued from a packed beginning.

Deflate lets a stream be ended on a byte, and lets what follows refer back to what came before: so
the constant beginning of a part is deflated once, and each workbook only adds the rest.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

_LOCAL = Struct("<4s5H3L2H")
_CENTRAL = Struct("<4s6H3L5H2L")
_END = Struct("<4s4H2LH")
_VERSION, _DEFLATED, _UNIX = 20, 8, 3
_MIDNIGHT, _FIRST_OF_1980 = 0, 33
_PERMISSIONS = 0o600 << 16
_RAW, _MEMORY = -15, 8
_SHORT, _SHORT_RAW, _SHORT_MEMORY = 4096, -12, 4
_BEST = 9
LEVEL: Final = 2
"""Measured on 100 students: level 6 makes a workbook 5 % smaller and takes a third more time."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A part as it stands in a ZIP; `size` and `crc` are of what it says."""

    name: str
    data: bytes
    crc: int
    size: int


@dataclass(frozen=True, slots=True)
class Started:
    """A part of which the beginning is known, deflated up to a whole byte."""

    name: str
    head: bytes
    data: bytes
    crc: int

    def finish(self, rest: bytes) -> Packed:
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW, _MEMORY, zdict=self.head)
        data = b"".join((self.data, deflater.compress(rest), deflater.flush()))
        return Packed(self.name, data, zlib.crc32(rest, self.crc), len(self.head) + len(rest))


def start(name: str, head: bytes) -> Started:
    deflater = zlib.compressobj(_BEST, zlib.DEFLATED, _RAW, _MEMORY)
    data = deflater.compress(head) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return Started(name, head, data, zlib.crc32(head))


def pack(name: str, part: bytes, level: int = LEVEL) -> Packed:
    """A short part takes longer to set up for than to deflate, unless in a small window."""
    is_short = len(part) <= _SHORT
    window = (_SHORT_RAW, _SHORT_MEMORY) if is_short else (_RAW, _MEMORY)
    deflater = zlib.compressobj(level, zlib.DEFLATED, *window)
    data = deflater.compress(part) + deflater.flush()
    return Packed(name, data, zlib.crc32(part), len(part))


class Package:
    """A ZIP that begins with the same parts each time: those are laid out once."""

    def __init__(self, parts: Mapping[str, bytes]) -> None:
        self._files: list[bytes] = []
        self._directory: list[bytes] = []
        packed = [pack(name, part, _BEST) for name, part in parts.items()]
        self._size = _lay_out(packed, 0, self._files, self._directory)

    def with_parts(self, packed: Iterable[Packed]) -> bytes:
        """The whole ZIP, without a clock in it."""
        files, directory = self._files.copy(), self._directory.copy()
        size = _lay_out(packed, self._size, files, directory)
        listing, count = b"".join(directory), len(directory)
        end = _END.pack(b"PK\5\6", 0, 0, count, count, len(listing), size, 0)
        return b"".join((*files, listing, end))


def _lay_out(
    packed: Iterable[Packed], offset: int, files: list[bytes], directory: list[bytes]
) -> int:
    """Appends the parts from `offset` on, and returns where they end."""
    for part in packed:
        name = part.name.encode("ascii")
        facts = (_DEFLATED, _MIDNIGHT, _FIRST_OF_1980, part.crc, len(part.data), part.size)
        local = _LOCAL.pack(b"PK\3\4", _VERSION, 0, *facts, len(name), 0) + name
        made_by = _UNIX << 8 | _VERSION
        directory.append(
            _CENTRAL.pack(
                b"PK\1\2",
                *(made_by, _VERSION, 0),
                *facts,
                *(len(name), 0, 0, 0, 0, _PERMISSIONS, offset),
            )
            + name
        )
        files += (local, part.data)
        offset += len(local) + len(part.data)
    return offset
