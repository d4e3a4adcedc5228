"""PDF objects: strings, streams, indirect objects and object streams (ISO 32000-1, 7.3 and 7.5.7).

Object templates have placeholders for the object numbers they refer to.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.worker.pdf.cross_reference import compressed_entries, offset_entry

_MAX_COMPRESSION, _FAST_COMPRESSION = 9, 6
MAX_OBJECTS_PER_STREAM = 200


def literal_string(data: bytes) -> bytes:
    safe = data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(%b)" % safe.replace(b"\r", b"\\r")


def text_string(text: str) -> bytes:
    """Return a text string in ASCII or, for any other character, in UTF-16BE."""
    if text.isascii() and text.isprintable():
        return literal_string(text.encode("ascii"))
    return literal_string(b"\xfe\xff" + text.encode("utf-16-be"))


def indirect_object(number: int, body: bytes) -> bytes:
    return b"%d 0 obj\n%b\nendobj\n" % (number, body)


def stream_object(number: int, data: bytes, entries: bytes = b"") -> bytes:
    """Return a stream with the data as it is, with `entries` added to its dictionary."""
    # A line feed alone would make one line end of it with a carriage return at the end of the data.
    end = b"\r\n" if data.endswith(b"\r") else b"\n"
    return b"%d 0 obj\n<<%b/Length %d>>stream\n%b%bendstream\nendobj\n" % (
        number,
        entries,
        len(data),
        data,
        end,
    )


def deflate(data: bytes) -> bytes:
    return zlib.compress(data, _MAX_COMPRESSION)


def deflated_stream_object(number: int, data: bytes, entries: bytes = b"") -> bytes:
    return stream_object(number, deflate(data), b"/Filter/FlateDecode" + entries)


def reference_array(numbers: Sequence[int]) -> bytes:
    return b"[%b]" % b" ".join([b"%d 0 R" % number for number in numbers])


class ObjectTemplate(NamedTuple):
    """An object's text with placeholders for numbers.

    `references` has an index per placeholder, into the numbers that are given to `fill`.
    """

    text: bytes
    references: tuple[int, ...]

    @classmethod
    def reference_array(cls, indices: Sequence[int]) -> "ObjectTemplate":
        return cls(b"[%b]" % b" ".join([b"%b 0 R"] * len(indices)), tuple(indices))

    def fill(self, numbers: Sequence[bytes]) -> bytes:
        return self.text % tuple([numbers[index] for index in self.references])


def batched_objects(bodies: dict[int, bytes]) -> Iterator[dict[int, bytes]]:
    """Yield the bodies in parts that one object stream can have."""
    items = list(bodies.items())
    for at in range(0, len(items), MAX_OBJECTS_PER_STREAM):
        yield dict(items[at : at + MAX_OBJECTS_PER_STREAM])


class ObjectWriter:
    """Consecutive objects, and the cross-reference entry of each."""

    def __init__(self, start: int) -> None:
        self._offset = start
        self._objects: list[bytes] = []
        self.entries: dict[int, bytes] = {}

    def add(self, number: int, written: bytes) -> None:
        """Add a whole object, as the functions of this module write it."""
        self.entries[number] = offset_entry(self._offset)
        self._offset += len(written)
        self._objects.append(written)

    def add_object_stream(self, stream_number: int, bodies: dict[int, bytes]) -> None:
        """Add at most 256 objects that are no streams, deflated in one object stream."""
        header, size = [], 0
        for number, body in bodies.items():
            header.append(b"%d %d " % (number, size))
            size += len(body) + 1
        head = b"".join(header)
        data = zlib.compress(head + b"\n".join(bodies.values()), _FAST_COMPRESSION)
        self.add_written_object_stream(
            stream_number, list(bodies), len(head), data, b"/Filter/FlateDecode"
        )

    def add_written_object_stream(
        self,
        stream_number: int,
        numbers: Sequence[int],
        first: int,
        data: bytes,
        entries: bytes = b"",
    ) -> None:
        """Add an object stream with the data as it is; `first` is the offset of its first body."""
        dictionary = b"/Type/ObjStm/N %d/First %d%b" % (len(numbers), first, entries)
        self.add(stream_number, stream_object(stream_number, data, dictionary))
        compressed = compressed_entries(stream_number, len(numbers))
        self.entries.update(zip(numbers, compressed, strict=True))

    def to_bytes(self) -> bytes:
        return b"".join(self._objects)
