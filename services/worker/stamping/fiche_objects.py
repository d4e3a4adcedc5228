"""Writes PDF objects: strings, streams, streams of objects, cross-reference entries."""

import zlib
from collections.abc import Sequence
from struct import Struct

_MOST_COMPRESSION = 9


def literal(data: bytes) -> bytes:
    """Any bytes as a PDF string."""
    safe = data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(%b)" % safe.replace(b"\r", b"\\r")


def text_string(text: str) -> bytes:
    """A PDF text string in any language."""
    if text.isascii() and text.isprintable():
        return literal(text.encode("ascii"))
    return literal(b"\xfe\xff" + text.encode("utf-16-be"))


def indirect(number: int, body: bytes) -> bytes:
    return b"%d 0 obj\n%b\nendobj\n" % (number, body)


def stream(number: int, data: bytes, entries: bytes = b"") -> bytes:
    """A stream object as it stands, `entries` added to its dictionary."""
    return b"%d 0 obj\n<<%b/Length %d>>stream\n%b\nendstream\nendobj\n" % (
        number,
        entries,
        len(data),
        data,
    )


def deflated(data: bytes) -> bytes:
    return zlib.compress(data, _MOST_COMPRESSION)


def deflated_stream(number: int, data: bytes, entries: bytes = b"") -> bytes:
    return stream(number, deflated(data), b"/Filter/FlateDecode" + entries)


def references(numbers: Sequence[int]) -> bytes:
    return b"[%b]" % b" ".join([b"%d 0 R" % number for number in numbers])


XREF_WIDTHS = b"[1 4 1]"
"""How many bytes an entry has for its kind, its place and its index (ISO 32000-1, 7.5.8)."""
_ENTRY = Struct(">BIB")
_INDICES = [bytes([index]) for index in range(256)]
XREF_FREE = bytes(_ENTRY.size)


def xref_at(offset: int) -> bytes:
    """The entry of an object that stands so far from the start of the file, of 4 GiB at most."""
    return _ENTRY.pack(1, offset, 0)


def xref_within(holder: int, count: int) -> list[bytes]:
    """The entries of objects in a stream of so many, at most 256."""
    start = _ENTRY.pack(2, holder, count - 1)[:-1]
    return [start + index for index in _INDICES[:count]]


class Assembly:
    """Objects one after another, and the cross-reference entry of each."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._pieces: list[bytes] = []
        self.entries: dict[int, bytes] = {}

    def add(self, number: int, whole: bytes) -> None:
        """`whole` is the object with its number, as the other functions here write it."""
        self.entries[number] = xref_at(self._start)
        self._start += len(whole)
        self._pieces.append(whole)

    def add_together(self, holder: int, bodies: dict[int, bytes]) -> None:
        """At most 256 objects that are no streams, deflated in one stream: the `holder`."""
        heads, size = [], 0
        for number, body in bodies.items():
            heads.append(b"%d %d " % (number, size))
            size += len(body) + 1
        head = b"".join(heads)
        data = deflated(head + b"\n".join(bodies.values()))
        self.add_held(holder, list(bodies), len(head), data, b"/Filter/FlateDecode")

    def add_held(
        self, holder: int, numbers: Sequence[int], first: int, data: bytes, more: bytes = b""
    ) -> None:
        """A stream of objects, of which the first one's body is at `first`, as it stands."""
        about = b"/Type/ObjStm/N %d/First %d%b" % (len(numbers), first, more)
        self.add(holder, stream(holder, data, about))
        entries = xref_within(holder, len(numbers))
        self.entries.update(zip(numbers, entries, strict=True))

    def joined(self) -> bytes:
        return b"".join(self._pieces)
