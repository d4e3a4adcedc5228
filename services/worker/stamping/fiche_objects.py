"""Writes PDF objects: strings, streams, streams of objects, cross-reference entries."""

import zlib

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


def references(numbers: list[int]) -> bytes:
    return b"[%b]" % b" ".join([b"%d 0 R" % number for number in numbers])


XREF_WIDTHS = b"[1 3 1]"
"""How many bytes an entry has for its kind, its place and its index (ISO 32000-1, 7.5.8)."""
XREF_FREE = bytes(5)


def xref_at(offset: int) -> bytes:
    """The entry of an object that stands so far from the start of the file."""
    return (1 << 32 | offset << 8).to_bytes(5, "big")


def xref_within(holder: int, index: int) -> bytes:
    """The entry of an object in a stream of objects."""
    return (2 << 32 | holder << 8 | index).to_bytes(5, "big")


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
        """Objects that are no streams, deflated together in one stream of the number `holder`."""
        heads, size = [], 0
        for number, body in bodies.items():
            heads.append(b"%d %d " % (number, size))
            size += len(body) + 1
        head = b"".join(heads)
        entries = b"/Type/ObjStm/N %d/First %d" % (len(bodies), len(head))
        self.add(holder, deflated_stream(holder, head + b"\n".join(bodies.values()), entries))
        for index, number in enumerate(bodies):
            self.entries[number] = xref_within(holder, index)

    def joined(self) -> bytes:
        return b"".join(self._pieces)
