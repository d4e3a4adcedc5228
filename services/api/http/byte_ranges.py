"""Single byte ranges and entity tags of RFC 9110, as pure rules."""

import re
from dataclasses import dataclass

_SINGLE = re.compile(
    r"bytes[ \t]*=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*", re.IGNORECASE
)
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


class UnsatisfiableRangeError(Exception):
    """The requested range lies outside the content."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from offset `start` up to but not including `end`."""

    start: int
    end: int


def parse_single_range(header: str, size: int) -> ByteRange | None:
    """Return the range of a `Range` header over content of `size` bytes.

    None for several ranges, another unit or an invalid range: the header is then ignored.

    Raises:
        UnsatisfiableRangeError: when the range begins after the last byte, or is empty.
    """
    match = _SINGLE.fullmatch(header)
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        if int(suffix) == 0:
            raise UnsatisfiableRangeError
        return ByteRange(max(size - int(suffix), 0), size)
    if last is not None and int(last) < int(first):
        return None
    if int(first) >= size:
        raise UnsatisfiableRangeError
    return ByteRange(int(first), size if last is None else min(int(last) + 1, size))


def matches_entity_tag(header: str, entity_tag: str) -> bool:
    """Return True if an `If-None-Match` header contains the tag, by weak comparison."""
    return header.strip() == "*" or entity_tag in _ENTITY_TAG.findall(header)
