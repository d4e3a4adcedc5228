"""File names of documents that every operating system accepts."""

import re
from collections.abc import Iterable
from unicodedata import category, normalize

from shared.core.drawable_text import graphemes
from shared.documents.content import FicheContent
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.documents.texts import DUTCH, Texts

_MAX_NAME_BYTES = 120  # in UTF-8, with the extension
_MAX_KIND_BYTES = 50  # of these, so that the student's name fits after the name of the tests
_UNSAFE = re.compile(r"[<>:/\\|?*]")
_NOT_FIRST = " .=+-@~"
_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])( *\..*)?", re.IGNORECASE)


def safe_file_name(text: str, max_bytes: int) -> str:
    """Return the text as a file name of at most `max_bytes`, which may be empty.

    No separators, reserved names or invisible characters, and no first character with a meaning
    in a spreadsheet or a shell.
    """
    composed = _UNSAFE.sub("-", normalize("NFC", text).replace('"', "'"))
    if not composed.isprintable():
        composed = "".join(c for c in composed if category(c)[0] != "C" or c.isspace())
    name = " ".join(composed.split()).lstrip(_NOT_FIRST)
    # One byte is left for the underscore of a reserved name.
    stem = _shorten(name, max_bytes - 1).rstrip(" .")
    return f"_{stem}" if _RESERVED.fullmatch(stem) else stem


def _shorten(text: str, max_bytes: int) -> str:
    """Return the text, or as many whole letters of it as fit."""
    if len(text.encode()) <= max_bytes:
        return text
    start, size = "", 0
    for grapheme in graphemes(text):
        size += len(grapheme.encode())
        if size > max_bytes:
            break
        start += grapheme
    return start


class FileNames:
    """File names that are unique in one folder, regardless of case, also among those `taken`."""

    def __init__(self, texts: Texts = DUTCH, *, taken: Iterable[str] = ()) -> None:
        self._words = texts.files
        self._used = {name.casefold() for name in taken}

    def folder(self, class_group: str) -> str:
        return self._unique(class_group, "")

    def fiche(self, content: FicheContent) -> str:
        """Return the kind, the tests, a dash, and family and given name."""
        student = f"{content.family_name} {content.given_name}"
        return self._about(self._words.fiche, content.administration.name, student, ".pdf")

    def bundle(self, administration: str, subject: str) -> str:
        return self._about(self._words.fiches, administration, subject, ".zip")

    def print_file(self, administration: str, subject: str) -> str:
        return self._about(self._words.fiches, administration, subject, ".pdf")

    def hand_out_list(self, administration: str, class_group: str) -> str:
        return self._about(self._words.hand_out_list, administration, class_group, ".pdf")

    def overview(self, administration: str, school_id: str) -> str:
        return self._about(self._words.overview, administration, school_id, ".xlsx")

    def feedback_report(self, administration: str, school_id: str) -> str:
        return self._about(DUTCH_SCHOOL_FEEDBACK.report_file, administration, school_id, ".pdf")

    def feedback_workbook(self, administration: str, school_id: str) -> str:
        return self._about(DUTCH_SCHOOL_FEEDBACK.workbook_file, administration, school_id, ".xlsx")

    def _about(self, kind: str, administration: str, subject: str, extension: str) -> str:
        """Return a name that tells what a file is once it has left its folder."""
        start = safe_file_name(f"{kind} {administration}", _MAX_KIND_BYTES)
        about = safe_file_name(subject, _MAX_NAME_BYTES) or self._words.unnamed
        return self._unique(f"{start} \N{EN DASH} {about}", extension)

    def _unique(self, text: str, extension: str) -> str:
        number, name = 1, ""
        while not name or name.casefold() in self._used:
            suffix = extension if number == 1 else f" ({number}){extension}"
            stem = safe_file_name(text, _MAX_NAME_BYTES - len(suffix)) or self._words.unnamed
            name = f"{stem}{suffix}"
            number += 1
        self._used.add(name.casefold())
        return name
