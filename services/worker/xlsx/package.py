"""The package of a workbook: a ZIP of deflated parts (ECMA-376 part 2).

A deflate stream can be flushed at a byte boundary, and what follows may refer to what precedes it.
So the constant start of a part is deflated once, and each workbook adds the rest.
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
class DeflatedPart:
    """A part as it is in a ZIP; `size` and `crc32` are of the inflated part."""

    name: str
    data: bytes
    crc32: int
    size: int


@dataclass(frozen=True, slots=True)
class PartPrefix:
    """The constant start of a part, deflated up to a byte boundary."""

    name: str
    text: bytes
    data: bytes
    crc32: int

    @classmethod
    def of(cls, name: str, text: bytes) -> "PartPrefix":
        deflater = zlib.compressobj(_BEST, zlib.DEFLATED, _RAW, _MEMORY)
        data = deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)
        return cls(name, text, data, zlib.crc32(text))

    def complete(self, rest: bytes) -> DeflatedPart:
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW, _MEMORY, zdict=self.text)
        data = b"".join((self.data, deflater.compress(rest), deflater.flush()))
        size = len(self.text) + len(rest)
        return DeflatedPart(self.name, data, zlib.crc32(rest, self.crc32), size)


def deflate_part(name: str, part: bytes, level: int = LEVEL) -> DeflatedPart:
    """Deflate a part; a short one in a small window, whose setup takes less time."""
    is_short = len(part) <= _SHORT
    window = (_SHORT_RAW, _SHORT_MEMORY) if is_short else (_RAW, _MEMORY)
    deflater = zlib.compressobj(level, zlib.DEFLATED, *window)
    data = deflater.compress(part) + deflater.flush()
    return DeflatedPart(name, data, zlib.crc32(part), len(part))


class Package:
    """A ZIP that starts with the same parts each time; those are written once."""

    def __init__(self, parts: Mapping[str, bytes]) -> None:
        self._files: list[bytes] = []
        self._directory: list[bytes] = []
        deflated = [deflate_part(name, part, _BEST) for name, part in parts.items()]
        self._size = _append_parts(deflated, 0, self._files, self._directory)

    def with_parts(self, parts: Iterable[DeflatedPart]) -> bytes:
        """Return the whole ZIP, with constant timestamps."""
        files, directory = self._files.copy(), self._directory.copy()
        size = _append_parts(parts, self._size, files, directory)
        listing, count = b"".join(directory), len(directory)
        end = _END.pack(b"PK\5\6", 0, 0, count, count, len(listing), size, 0)
        return b"".join((*files, listing, end))


def _append_parts(
    parts: Iterable[DeflatedPart], offset: int, files: list[bytes], directory: list[bytes]
) -> int:
    """Append the parts from `offset` on; return the offset of their end."""
    for part in parts:
        name = part.name.encode("ascii")
        facts = (_DEFLATED, _MIDNIGHT, _FIRST_OF_1980, part.crc32, len(part.data), part.size)
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
