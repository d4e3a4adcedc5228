"""Writes bundles: ZIPs of stored members, each a byte range, and joins several to one."""

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from io import SEEK_SET, BytesIO
from typing import TYPE_CHECKING
from unicodedata import category, normalize
from zipfile import ZipFile, ZipInfo

from services.worker.rendering.typesetting import graphemes
from shared.documents.content import FicheContent
from shared.documents.texts import DUTCH, Texts

if TYPE_CHECKING:
    from hashlib import _Hash as HASH  # the stub's name for what sha256() returns

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_LONGEST_NAME = 120  # bytes of UTF-8, with the ending
_UNSAFE = re.compile(r"[<>:/\\|?*]")
_NOT_FIRST = " .=+-@~"
_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])( *\..*)?", re.IGNORECASE)


@dataclass
class Entries:
    """Stored members one after the other: a ZIP but for its directory.

    The same members in the same order give the same bytes. Each member is a range of them.
    """

    pieces: list[bytes] = field(default_factory=list)
    members: list[ZipInfo] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, data: bytes, crc32: int) -> int:
        """Where the member's own bytes start, which take no other form in the ZIP."""
        member = ZipInfo(name, _ZIP_EPOCH)
        member.create_system = _UNIX
        member.external_attr = 0o644 << 16
        member.header_offset, member.CRC = self.size, crc32
        member.file_size = member.compress_size = len(data)
        header = member.FileHeader()
        self.pieces += (header, data)
        self.members.append(member)
        offset = self.size + len(header)
        self.size = offset + len(data)
        return offset

    def closed(self) -> bytes:
        """The whole ZIP."""
        return b"".join((*self.pieces, directory(self.members, self.size)))


class _Behind(BytesIO):
    """A file whose first `start` bytes are elsewhere."""

    start = 0

    def tell(self) -> int:
        return self.start + super().tell()

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        return self.start + super().seek(offset - self.start, whence)


def directory(members: Iterable[ZipInfo], start: int) -> bytes:
    """The end of a ZIP whose entries take its first `start` bytes, wherever those are stored.

    With the larger fields of ZIP64 where there are more than 65,535 members or 4 GiB.
    """
    end = _Behind()
    with ZipFile(end, "w") as archive:
        end.start = archive.start_dir = start
        archive.infolist().extend(members)
    return end.getvalue()


def opened(bundle: bytes) -> Entries:
    """The entries of a bundle that `closed` once returned."""
    with ZipFile(BytesIO(bundle)) as archive:
        size = archive.start_dir
        return Entries([bundle[:size]], archive.infolist(), size)


@dataclass
class JoinedBundle:
    """One ZIP of the entries of several, which stay where they are stored."""

    members: list[ZipInfo] = field(default_factory=list)
    size: int = 0
    _hasher: "HASH" = field(default_factory=sha256)

    def add(self, entries: Entries) -> None:
        for member in entries.members:
            moved = copy(member)
            moved.header_offset += self.size
            self.members.append(moved)
        for piece in entries.pieces:
            self._hasher.update(piece)
        self.size += entries.size

    def closed(self) -> tuple[bytes, bytes]:
        """What is to be put behind all entries, and the SHA-256 of the whole."""
        end = directory(self.members, self.size)
        self._hasher.update(end)
        return end, self._hasher.digest()


def safe_file_name(text: str, longest: int) -> str:
    """What is left of a text that every system takes as one file name of `longest` bytes.

    No separators, reserved names or invisible characters, and no first character that a spreadsheet
    or a shell would take for more than a name. May be empty.
    """
    composed = _UNSAFE.sub("-", normalize("NFC", text).replace('"', "'"))
    seen = "".join(c for c in composed if category(c)[0] != "C" or c.isspace())
    name = " ".join(seen.split()).lstrip(_NOT_FIRST)
    kept, size = "", 1
    for grapheme in graphemes(name):
        size += len(grapheme.encode())
        if size > longest:
            break
        kept += grapheme
    kept = kept.rstrip(" .")
    return f"_{kept}" if _RESERVED.fullmatch(kept) else kept


class FileNames:
    """File names people recognise, unique in one place, also where case does not count."""

    def __init__(self, texts: Texts = DUTCH) -> None:
        self._words = texts.files
        self._taken: set[str] = set()

    def folder(self, class_group: str) -> str:
        return self._take(class_group, "")

    def fiche(self, content: FicheContent) -> str:
        """'Familienaam Voornaam.pdf'."""
        return self._take(f"{content.family_name} {content.given_name}", ".pdf")

    def bundle(self, administration_id: str, of_what: str) -> str:
        return self._take(f"{self._words.fiches} {of_what} {administration_id}", ".zip")

    def print_file(self, administration_id: str, of_what: str) -> str:
        return self._take(f"{self._words.fiches} {of_what} {administration_id}", ".pdf")

    def overview(self, administration_id: str, school_id: str) -> str:
        return self._take(f"{self._words.overview} {school_id} {administration_id}", ".xlsx")

    def _take(self, text: str, ending: str) -> str:
        number, name = 1, ""
        while not name or name.casefold() in self._taken:
            suffix = ending if number == 1 else f" ({number}){ending}"
            stem = safe_file_name(text, _LONGEST_NAME - len(suffix)) or self._words.nameless
            name = f"{stem}{suffix}"
            number += 1
        self._taken.add(name.casefold())
        return name
