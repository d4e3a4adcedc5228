"""Single byte ranges and validators of RFC 9110, as pure rules."""

import re
from dataclasses import dataclass

_SINGLE = re.compile(
    r"bytes[ \t]*=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*", re.IGNORECASE
)
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


class UnsatisfiableRangeError(Exception):
    """The range asked for lies outside the bytes there are."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """From `start` up to but not including `end`, counted from the first byte."""

    start: int
    end: int


def single_range(header: str, size: int) -> ByteRange | None:
    """The range a `Range` header asks for of `size` bytes.

    None for several ranges, another unit or no valid range at all: then all is answered with.

    Raises:
        UnsatisfiableRangeError: when it begins behind the last byte, or asks for none.
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


def any_matches(header: str, entity_tag: str) -> bool:
    """Whether an `If-None-Match` header names the tag; compares weakly, as it must."""
    return header.strip() == "*" or entity_tag in _ENTITY_TAG.findall(header)
