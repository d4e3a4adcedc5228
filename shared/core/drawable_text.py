"""Texts as they are drawn: normalized, in graphemes, and which of them the shipped faces can draw.

`glyph_coverage.txt` has the characters of the faces, so that an import can check a text without
opening a font. `make glyph-coverage` writes it.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from unicodedata import category, combining, normalize

from shared.core.invisible import remove_invisible

_SPACES = re.compile(r"[^\S\u00a0]+")
_NO_BREAK_SPACES = str.maketrans({"\u202f": "\u00a0", "\u2007": "\u00a0"})


def normalize_text(text: str) -> str:
    """Return the text in NFC, without invisible characters, with each white space as one space."""
    if text.isascii() and text.isprintable():  # a shortcut with the same result
        return _SPACES.sub(" ", text).strip()
    composed = normalize("NFC", text).translate(_NO_BREAK_SPACES)
    return _SPACES.sub(" ", remove_invisible(composed)).strip()


def graphemes(text: str) -> Iterator[str]:
    """Yield each letter together with its combining marks."""
    current = ""
    for character in text:
        if current and (combining(character) or category(character) in ("Mn", "Me")):
            current += character
        else:
            if current:
                yield current
            current = character
    if current:
        yield current


def undrawable_characters(text: str) -> frozenset[str]:
    """Return the characters of the text that no shipped face covers.

    A letter is drawn with all its marks in one face, composed or not; if none has them all, each is
    undrawable.
    """
    if _simple_characters().issuperset(text):
        return frozenset()
    return _undrawable_characters(text)


@lru_cache(maxsize=4096)
def _undrawable_characters(text: str) -> frozenset[str]:
    faces = _characters_of_faces()
    missing: set[str] = set()
    for grapheme in graphemes(normalize_text(text)):
        forms = grapheme, normalize("NFD", grapheme)
        if not any(face.issuperset(form) for face in faces for form in forms):
            uncovered = {c for c in grapheme if not any(c in face for face in faces)}
            missing |= uncovered or set(grapheme)
    return frozenset(missing)


@cache
def _simple_characters() -> frozenset[str]:
    """Return characters of the first face that are drawn as they are, wherever they stand."""
    return frozenset(
        character
        for character in _characters_of_faces()[0]
        if character in " \u00a0"
        or (category(character)[0] in "LNPS" and normalize("NFC", character) == character)
    )


@cache
def _characters_of_faces() -> tuple[frozenset[str], ...]:
    """Return the characters of each face: a line of the file, with ranges of code points."""
    lines = files("shared.core").joinpath("glyph_coverage.txt").read_text("ascii").splitlines()
    return tuple(
        frozenset(chr(code) for one in line.split() for code in _parse_range(one)) for line in lines
    )


def _parse_range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)
