"""A delivery as one ZIP file, with what makes an archive dangerous refused entry by entry."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from shared.deliveries.delivery_format import FILE_NAMES
from shared.deliveries.faults import Fault, FaultLog, showable
from shared.deliveries.source_files import (
    CHUNK,
    READ_ERRORS,
    Source,
    SourceLimits,
    UnreadableDeliveryError,
    no_plain_file,
    too_large,
    too_many_files,
    unknown_file,
)


class _ModestReads:
    """A file for `zipfile`, which reads a directory of entries whole, whatever size it claims."""

    LIMIT: Final = 2 * CHUNK

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self.LIMIT:
            raise zipfile.BadZipFile("a part of the archive claims to be far too large")
        data = self._file.read(size if size >= 0 else self.LIMIT + 1)
        if len(data) > self.LIMIT:
            raise zipfile.BadZipFile("the end of the archive is far too large")
        return data


@contextmanager
def open_archive(file: IO[bytes], limits: SourceLimits, faults: FaultLog) -> Iterator[Source]:
    """The files in a ZIP file; what is wrong with single entries goes to `faults`.

    Raises:
        UnreadableDeliveryError: the file is no ZIP file, is cut off, or is far too large.
    """
    try:
        archive = zipfile.ZipFile(_ModestReads(file))
    except READ_ERRORS:
        raise UnreadableDeliveryError(
            Fault(
                "zipBroken",
                "The file is no ZIP file, or it was cut off or damaged on the way.",
                "Pack the delivery again, or check the transfer, and hand it over again.",
            )
        ) from None
    with archive:
        yield _checked(archive, limits, faults)


def _checked(archive: zipfile.ZipFile, limits: SourceLimits, faults: FaultLog) -> Source:
    entries = archive.infolist()
    if len(entries) > limits.max_entries:
        raise UnreadableDeliveryError(too_many_files())
    if sum(entry.file_size for entry in entries) > limits.max_bytes:
        raise UnreadableDeliveryError(too_large())
    openers: dict[str, Callable[[], IO[bytes]]] = {}
    rejected: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        fault = _fault_of_name(name) or _fault_of_entry(entry, limits)
        if fault is None and (name in openers or name in rejected):
            fault = _duplicate(name)
        if fault is None:
            openers[name] = _entry_opener(archive, entry)
            continue
        faults.add(fault)
        if name in FILE_NAMES:
            rejected.add(name)
            openers.pop(name, None)
    return Source(openers, rejected, limits)


def _entry_opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(entry)


def _fault_of_name(name: str) -> Fault | None:
    if name in FILE_NAMES:
        return None
    parts = name.replace("\\", "/").split("/")
    if "\\" in name or "\0" in name or ":" in name or ".." in parts or parts[0] == "":
        return Fault(
            "pathTraversal",
            "An entry's name leads out of the delivery.",
            "Pack the files under their plain names.",
            value=showable(name),
        )
    return unknown_file(name, "Pack only the files of the format, not the folder around them.")


def _fault_of_entry(entry: zipfile.ZipInfo, limits: SourceLimits) -> Fault | None:
    name = entry.orig_filename
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return no_plain_file(name, is_symlink=stat.S_ISLNK(mode))
    if entry.flag_bits & 0x1:
        remedy = "Pack it without a password; the transfer is encrypted already."
        return Fault("zipEncrypted", "The entry is encrypted.", remedy, file=name)
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        remedy = "Pack it with deflate, the method every ZIP program has."
        detail = "The entry is packed with a method that is not taken."
        return Fault("zipMethod", detail, remedy, file=name)
    is_tight = entry.file_size > limits.max_ratio * max(entry.compress_size, 1)
    if is_tight and entry.file_size > limits.ratio_from_bytes:
        detail = "The entry unpacks to far more than a file of this kind does: a ZIP bomb."
        return Fault("zipBomb", detail, "Check what was packed.", file=name)
    return None


def _duplicate(name: str) -> Fault:
    remedy = "Pack each file once."
    return Fault("duplicateFile", "The archive holds this file twice.", remedy, file=name)
