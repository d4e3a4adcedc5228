"""Entries of cross-reference streams (ISO 32000-1, 7.5.8)."""

from struct import Struct

FIELD_WIDTHS = b"[1 4 1]"
"""The W array: the bytes of an entry's type, of its offset or object stream, and of its index."""

_ENTRY = Struct(">BIB")
_INDICES = [bytes([index]) for index in range(256)]
FREE_ENTRY = bytes(_ENTRY.size)


def offset_entry(offset: int) -> bytes:
    """Return the entry of an object at an offset below 4 GiB."""
    return _ENTRY.pack(1, offset, 0)


def compressed_entries(stream_number: int, count: int) -> list[bytes]:
    """Return the entries of all objects in an object stream, at most 256."""
    start = _ENTRY.pack(2, stream_number, count - 1)[:-1]
    return [start + index for index in _INDICES[:count]]
