"""The files of a delivery as streams that are read once, and measured while they are read."""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.faults import Fault, showable

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
    RuntimeError,  # zipfile says so of an entry it cannot decode
)
"""What damaged input makes the standard library raise."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What a delivery may weigh: in bytes once unpacked, and in entries.

    An entry larger than `ratio_from_bytes` may not have been packed tighter than `max_ratio`.
    """

    max_bytes: int = 8 * 1024 * MIB
    max_entries: int = 64
    max_ratio: int = 200
    ratio_from_bytes: int = 10 * MIB


class UnreadableDeliveryError(Exception):
    """There is nothing to go on with; the fault says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class MeasuredStream:
    """A file being read once: its digest and size are known when it has been read to its end."""

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
        """The next bytes; empty at the end.

        Raises:
            UnreadableDeliveryError: the file is damaged, or larger than a delivery may be.
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


class Source:
    """The files of a delivery by name.

    `rejected` are files that are there but may not be read; a fault says why of each.
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
    def open(self, name: str) -> Iterator[MeasuredStream]:
        try:
            file = self._openers[name]()
        except READ_ERRORS:
            raise UnreadableDeliveryError(damaged(name)) from None
        with file:
            stream = MeasuredStream(name, file, self._allowance)
            try:
                yield stream
            finally:
                self._allowance -= stream.size


def damaged(name: str) -> Fault:
    return Fault(
        "fileDamaged",
        "The file ends too early or its bytes are damaged.",
        "Make the delivery again and check the transfer.",
        file=name,
    )


def too_large(name: str | None = None) -> Fault:
    return Fault(
        "deliveryTooLarge",
        "The delivery is larger than a delivery may be once unpacked.",
        "Check what was packed; a real delivery stays far below the limit.",
        file=name,
    )


def unknown_file(name: str, remedy: str) -> Fault:
    detail = "The delivery holds a file that the format does not know."
    return Fault("unknownFile", detail, remedy, value=showable(name))


def too_many_files() -> Fault:
    return Fault(
        "tooManyFiles",
        "There are more files than a delivery has.",
        "Deliver only the files that the format names.",
    )


def no_plain_file(name: str, *, is_symlink: bool) -> Fault:
    kind, what = ("symlink", "a symbolic link") if is_symlink else ("notAFile", "not a plain file")
    return Fault(kind, f"The entry is {what}.", "Deliver the file itself.", file=name)
