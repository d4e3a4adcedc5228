"""The files of a delivery as streams that are read once, and hashed while they are read."""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.faults import Fault, quotable

CHUNK: Final = 512 * 1024
"""Bytes that are read at a time."""

MIB: Final = 1024 * 1024

READ_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,  # raised by zipfile for an entry that it cannot decode
)
"""Errors that the standard library raises on damaged input."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Limits of a delivery: bytes after decompression, and number of entries.

    The compression ratio of an entry larger than `ratio_from_bytes` is at most `max_ratio`.
    """

    max_bytes: int = 8 * 1024 * MIB
    max_entries: int = 64
    max_ratio: int = 200
    ratio_from_bytes: int = 10 * MIB


class UnreadableDeliveryError(Exception):
    """A delivery or a file in it cannot be read, for the reason in `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class HashingStream:
    """A file that is read once; its hash and size are known at its end."""

    def __init__(self, name: str, file: IO[bytes], allowance: int) -> None:
        self.name = name
        self.size = 0
        self._file = file
        self._allowance = allowance
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int = CHUNK) -> bytes:
        """Return the next bytes; empty at the end.

        Raises:
            UnreadableDeliveryError: the file is damaged, or the delivery is too large.
        """
        try:
            data = self._file.read(size)
        except READ_ERRORS:
            raise UnreadableDeliveryError(damaged(self.name)) from None
        self.size += len(data)
        if self.size > self._allowance:
            raise UnreadableDeliveryError(too_large(self.name))
        self._digest.update(data)
        return data


class DeliverySource:
    """The files of a delivery by name.

    `rejected` files are present but not readable; each has a fault.
    """

    def __init__(
        self, openers: dict[str, Callable[[], IO[bytes]]], rejected: set[str], limits: SourceLimits
    ) -> None:
        self.rejected = frozenset(rejected)
        self._openers = openers
        self._allowance = limits.max_bytes

    @property
    def names(self) -> list[str]:
        return [name for name in FILE_NAMES if name in self._openers]

    @contextmanager
    def open(self, name: str) -> Iterator[HashingStream]:
        try:
            file = self._openers[name]()
        except READ_ERRORS:
            raise UnreadableDeliveryError(damaged(name)) from None
        with file:
            stream = HashingStream(name, file, self._allowance)
            try:
                yield stream
            finally:
                self._allowance -= stream.size


def damaged(name: str) -> Fault:
    return Fault(
        "fileDamaged",
        "The file is truncated or damaged.",
        "Create the delivery again, and check the transfer.",
        file=name,
    )


def too_large(name: str | None = None) -> Fault:
    return Fault(
        "deliveryTooLarge",
        "The decompressed delivery is larger than the limit.",
        "Check its files; a real delivery is far below the limit.",
        file=name,
    )


def unknown_file(name: str, remedy: str) -> Fault:
    detail = "The delivery contains a file that is not in the format."
    return Fault("unknownFile", detail, remedy, value=quotable(name))


def too_many_files() -> Fault:
    return Fault(
        "tooManyFiles",
        "The delivery contains more files than the limit.",
        "Include only the files of the format.",
    )


def not_a_regular_file(name: str, *, is_symlink: bool) -> Fault:
    kind, detail = (
        ("symlink", "The entry is a symbolic link.")
        if is_symlink
        else ("notAFile", "The entry is not a regular file.")
    )
    return Fault(kind, detail, "Include the file itself.", file=name)
