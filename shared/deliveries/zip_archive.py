"""A delivery in a ZIP file; each dangerous entry of the archive is rejected with a fault."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.delivery_source import (
    CHUNK,
    READ_ERRORS,
    DeliverySource,
    SourceLimits,
    UnreadableDeliveryError,
    not_a_regular_file,
    too_large,
    too_many_files,
    unknown_file,
)
from shared.deliveries.faults import Fault, FaultLog, quotable


class _BoundedReader:
    """A limit on single reads: `zipfile` reads the central directory whole, at any size."""

    LIMIT: Final = 2 * CHUNK

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self.LIMIT:
            raise zipfile.BadZipFile("a part of the archive is too large")
        data = self._file.read(size if size >= 0 else self.LIMIT + 1)
        if len(data) > self.LIMIT:
            raise zipfile.BadZipFile("the end of the archive is too large")
        return data


@contextmanager
def open_archive(
    file: IO[bytes], limits: SourceLimits, faults: FaultLog
) -> Iterator[DeliverySource]:
    """Open the files in a ZIP file, and add the faults of its entries to `faults`.

    Raises:
        UnreadableDeliveryError: the file is not a ZIP file, is truncated, or is too large.
    """
    try:
        archive = zipfile.ZipFile(_BoundedReader(file))
    except READ_ERRORS:
        raise UnreadableDeliveryError(
            Fault(
                "zipBroken",
                "The file is not a ZIP file, or it is truncated or damaged.",
                "Create the ZIP file again, check the transfer, and submit it again.",
            )
        ) from None
    with archive:
        yield _read_entries(archive, limits, faults)


def _read_entries(
    archive: zipfile.ZipFile, limits: SourceLimits, faults: FaultLog
) -> DeliverySource:
    entries = archive.infolist()
    if len(entries) > limits.max_entries:
        raise UnreadableDeliveryError(too_many_files())
    if sum(entry.file_size for entry in entries) > limits.max_bytes:
        raise UnreadableDeliveryError(too_large())
    openers: dict[str, Callable[[], IO[bytes]]] = {}
    rejected: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        fault = _name_fault(name) or _entry_fault(entry, limits)
        if fault is None and (name in openers or name in rejected):
            fault = _duplicate_file(name)
        if fault is None:
            openers[name] = _entry_opener(archive, entry)
            continue
        faults.add(fault)
        if name in FILE_NAMES:
            rejected.add(name)
            openers.pop(name, None)
    return DeliverySource(openers, rejected, limits)


def _entry_opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(entry)


def _name_fault(name: str) -> Fault | None:
    if name in FILE_NAMES:
        return None
    parts = name.replace("\\", "/").split("/")
    if "\\" in name or "\0" in name or ":" in name or ".." in parts or parts[0] == "":
        return Fault(
            "pathTraversal",
            "The name of an entry points outside the delivery.",
            "Use the plain file names as names of the entries.",
            value=quotable(name),
        )
    return unknown_file(name, "Include only the files of the format, without a folder.")


def _entry_fault(entry: zipfile.ZipInfo, limits: SourceLimits) -> Fault | None:
    name = entry.orig_filename
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return not_a_regular_file(name, is_symlink=stat.S_ISLNK(mode))
    if entry.flag_bits & 0x1:
        remedy = "Create the ZIP file without a password; the transfer is encrypted."
        return Fault("zipEncrypted", "The entry is encrypted.", remedy, file=name)
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        remedy = "Use the compression method deflate, which every ZIP program has."
        detail = "The compression method of the entry is not supported."
        return Fault("zipMethod", detail, remedy, file=name)
    exceeds_ratio = entry.file_size > limits.max_ratio * max(entry.compress_size, 1)
    if exceeds_ratio and entry.file_size > limits.ratio_from_bytes:
        detail = "The compression ratio of the entry is above the limit, as in a ZIP bomb."
        return Fault("zipBomb", detail, "Check the content of the file.", file=name)
    return None


def _duplicate_file(name: str) -> Fault:
    remedy = "Include each file once."
    return Fault("duplicateFile", "The archive contains this file twice.", remedy, file=name)
