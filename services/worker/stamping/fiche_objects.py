"""Writes PDF objects: strings, streams, cross-reference entries."""

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


def xref_entries(offsets: list[int]) -> bytes:
    """Twenty bytes for each object in use, as ISO 32000-1, 7.5.4 has it."""
    return b"%010d 00000 n \n" * len(offsets) % tuple(offsets)


class Assembly:
    """Objects one after another, and how far from the start of the file each one stands."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._pieces: list[bytes] = []
        self.offsets: dict[int, int] = {}

    def add(self, number: int, whole: bytes) -> None:
        """`whole` is the object with its number, as the other functions here write it."""
        self.offsets[number] = self._start
        self._start += len(whole)
        self._pieces.append(whole)

    def joined(self) -> bytes:
        return b"".join(self._pieces)
