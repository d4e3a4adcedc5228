"""Writes a bundle: a ZIP of stored members, each of which can be served as a byte range."""

import re
from dataclasses import dataclass
from hashlib import sha256
from io import SEEK_SET, BytesIO
from typing import BinaryIO
from unicodedata import category, normalize
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from services.worker.rendering.typesetting import graphemes
from shared.documents.content import FicheContent
from shared.documents.texts import DUTCH, Texts

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_LONGEST_NAME = 120  # bytes of UTF-8, with the ending
_UNSAFE = re.compile(r"[<>:/\\|?*]")
_NOT_FIRST = " .=+-@~"
_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])( *\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BundleMember:
    """Where a member's own bytes are: `size` of them from byte `offset` of the bundle."""

    offset: int
    size: int
    sha256: bytes
    name: str


class _Tail:
    """The end of a file being written, which zipfile may still go back into.

    It fills in a member's header afterwards; earlier members are out and counted in the digest.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._start = 0
        self._held = BytesIO()
        self.digest = sha256()

    def write(self, data: bytes) -> int:
        return self._held.write(data)

    def tell(self) -> int:
        return self._start + self._held.tell()

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        if whence != SEEK_SET:
            raise ValueError("only seeks from the start: the rest of the bundle is elsewhere")
        return self._start + self._held.seek(offset - self._start)

    def flush(self) -> None:
        """Nothing: bytes go out when a member is complete."""

    def close(self) -> None:
        """Nothing: the file belongs to who opened it."""

    def release(self) -> None:
        complete = self._held.getvalue()
        self._target.write(complete)
        self.digest.update(complete)
        self._start += len(complete)
        self._held = BytesIO()


class BundleWriter:
    """Writes members one after the other to a binary file, which it never seeks or reads.

    The same members in the same order give the same bytes; one member is in memory at a time.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._tail = _Tail(target)
        self._zip = ZipFile(self._tail, "w", ZIP_STORED)
        self._names: set[str] = set()

    def add(self, name: str, data: bytes) -> BundleMember:
        """Stored under this name; a name that differs only in case is refused."""
        if name.casefold() in self._names:
            raise ValueError("a bundle holds each name once: take names from one MemberNames")
        self._names.add(name.casefold())
        info = ZipInfo(name, _ZIP_EPOCH)
        info.create_system = _UNIX
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, data)
        offset = self._tail.tell() - len(data)
        self._tail.release()
        return BundleMember(offset, len(data), sha256(data).digest(), name)

    def close(self) -> tuple[int, bytes]:
        """Writes the directory; size and SHA-256 of the whole bundle."""
        self._zip.close()
        self._tail.release()
        return self._tail.tell(), self._tail.digest.digest()


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


class MemberNames:
    """File names people recognise, unique within one bundle, also where case does not count."""

    def __init__(self, texts: Texts = DUTCH) -> None:
        self._words = texts.files
        self._taken: set[str] = set()
        self._folders: dict[str, str] = {}

    def fiche(self, content: FicheContent, *, in_class_folder: bool = False) -> str:
        """'Familienaam Voornaam.pdf', in a folder per class group where that is asked for."""
        folder = self._folder(content.class_group) if in_class_folder else ""
        return self._take(folder, f"{content.family_name} {content.given_name}", ".pdf")

    def bundle(self, administration_id: str, of_what: str) -> str:
        return self._take("", f"{self._words.fiches} {of_what} {administration_id}", ".zip")

    def overview(self, administration_id: str, school_id: str) -> str:
        return self._take("", f"{self._words.overview} {school_id} {administration_id}", ".xlsx")

    def _folder(self, class_group: str) -> str:
        if class_group not in self._folders:
            self._folders[class_group] = self._take("", class_group, "") + "/"
        return self._folders[class_group]

    def _take(self, folder: str, text: str, ending: str) -> str:
        number, path = 1, ""
        while not path or path.casefold() in self._taken:
            suffix = ending if number == 1 else f" ({number}){ending}"
            stem = safe_file_name(text, _LONGEST_NAME - len(suffix)) or self._words.nameless
            path = f"{folder}{stem}{suffix}"
            number += 1
        self._taken.add(path.casefold())
        return path
