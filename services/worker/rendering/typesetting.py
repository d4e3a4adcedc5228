"""Turns text into placed pieces of one face each: letters, combining marks, lines of a width."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from unicodedata import category, combining, normalize

from services.worker.rendering.fonts import Box, Face, faces

_SPACES = re.compile(r"[^\S\u00a0]+")
_NO_BREAK_SPACES = str.maketrans({"\u202f": "\u00a0", "\u2007": "\u00a0"})
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_LAST_CODE_POINT = 0xFFFD
_MARK_GAP = 0.045  # ems between a letter and the mark above or below it
_BELOW = frozenset({202, 214, 218, 220, 222, 233, 240})  # canonical combining classes
_ATTACHED_BELOW = 202
_OVERLAY = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """A combining mark, `x` and `y` from the start of the line's baseline, in ems."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Text of one face, `x` ems from the start of its line; or one letter with marks around it."""

    face: Face
    text: str
    x: float
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A set line; `width` in ems, so it can be drawn at any size."""

    text: str
    pieces: tuple[Piece, ...]
    width: float


def _is_seen(character: str) -> bool:
    return category(character) != "Cf" and ord(character) not in _VARIATION_SELECTORS


def tidy(text: str) -> str:
    """As it will be drawn: NFC, invisible format characters gone, white space one space."""
    if text.isascii() and text.isprintable():  # the same result, sooner
        return _SPACES.sub(" ", text).strip()
    composed = normalize("NFC", text).translate(_NO_BREAK_SPACES)
    return _SPACES.sub(" ", "".join(filter(_is_seen, composed))).strip()


def graphemes(text: str) -> Iterator[str]:
    """Each letter together with the marks that combine with it."""
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


def undrawable(text: str) -> frozenset[str]:
    """The characters of this text that keep it from being drawn in every weight."""
    return frozenset() if _always_drawn().issuperset(text) else _undrawable(text)


@cache
def _always_drawn() -> frozenset[str]:
    shipped = faces()
    return plain_letters(shipped.regular[0]) & plain_letters(shipped.bold[0])


@lru_cache(maxsize=4096)
def _undrawable(text: str) -> frozenset[str]:
    shipped = faces()
    missing: set[str] = set()
    for grapheme in graphemes(tidy(text)):
        for chain in (shipped.regular, shipped.bold):
            if not any(face.has(grapheme) for face in chain):
                alone = {c for c in grapheme if not any(face.has(c) for face in chain)}
                missing |= alone or set(grapheme)
    return frozenset(missing)


def _faced(text: str, chain: tuple[Face, ...]) -> Iterator[tuple[Face, str]]:
    """A face per grapheme: a word keeps to one face where a face has it whole."""
    face = chain[0]
    for word in re.split(r"([ \u00a0]+)", text):
        whole = next((face for face in chain if face.has(word)), None)
        for grapheme in graphemes(word):
            if not word.isspace():
                face = whole or next((face for face in chain if face.has(grapheme)), chain[-1])
            yield face, grapheme


def _place_marks(face: Face, grapheme: str, pen: float) -> Iterator[Mark]:
    """Marks centred on their letter, stacked outward: what shaping does without anchor tables."""
    letter = face.box(grapheme[0])
    top, bottom = letter.top, letter.bottom
    for mark in grapheme[1:]:
        box = face.box(mark)
        y = _mark_shift(combining(mark), box, top, bottom)
        x = (letter.left + letter.right - box.left - box.right) / 2
        top, bottom = max(top, box.top + y), min(bottom, box.bottom + y)
        yield Mark(mark, pen + x, y)


def _mark_shift(combining_class: int, mark: Box, top: float, bottom: float) -> float:
    if combining_class == _OVERLAY:
        return (top + bottom - mark.top - mark.bottom) / 2
    if combining_class in _BELOW:
        gap = 0.0 if combining_class == _ATTACHED_BELOW else _MARK_GAP
        return min(0.0, bottom - gap - mark.top)
    return max(0.0, top + _MARK_GAP - mark.bottom)


def _pieces(text: str, chain: tuple[Face, ...]) -> Iterator[Piece]:
    pen = 0.0
    for (face, marked), group in groupby(_faced(text, chain), lambda fg: (fg[0], len(fg[1]) > 1)):
        here = [grapheme for _, grapheme in group]
        for part in here if marked else ["".join(here)]:
            letters = part[0] if marked else part
            yield Piece(face, letters, pen, tuple(_place_marks(face, part, pen)) if marked else ())
            pen += face.advance(letters)


@cache
def plain_letters(face: Face) -> frozenset[str]:
    """What this face draws as it stands: nothing to compose, tidy away or place around a letter."""
    letters = (chr(code) for code in face.font.face.charToGlyph if code <= _LAST_CODE_POINT)
    return frozenset(
        letter
        for letter in letters
        if letter in " \u00a0"
        or (category(letter)[0] in "LNPS" and normalize("NFC", letter) == letter)
    )


def _is_plain(text: str, face: Face) -> bool:
    is_tidy = "  " not in text and text.strip(" \u00a0") == text
    return bool(text) and is_tidy and plain_letters(face).issuperset(text)


@lru_cache(maxsize=4096)
def set_line(text: str, *, bold: bool = False) -> Line:
    """One line, however long; the text is tidied first."""
    first = faces().of(bold=bold)[0]
    if _is_plain(text, first):  # most lines: the same result, sooner
        return Line(text, (Piece(first, text, 0.0),), first.advance(text))
    tidied = tidy(text)
    pieces = tuple(_pieces(tidied, faces().of(bold=bold)))
    last = pieces[-1] if pieces else None
    return Line(tidied, pieces, last.x + last.face.advance(last.text) if last else 0.0)


def _fitting(word: str, width: float, *, bold: bool) -> Iterator[str]:
    """The word, cut between letters where it is wider than a whole line."""
    if set_line(word, bold=bold).width <= width:
        yield word
        return
    part = ""
    for grapheme in graphemes(word):
        if part and set_line(part + grapheme, bold=bold).width > width:
            yield part
            part = ""
        part += grapheme
    yield part


@lru_cache(maxsize=4096)
def wrap(text: str, size: float, width: float, *, bold: bool = False) -> tuple[Line, ...]:
    """Lines no wider than `width` points at `size` points; an own line at each line feed."""
    ems = width / size
    if _is_plain(text, faces().of(bold=bold)[0]):
        line = set_line(text, bold=bold)
        if line.width <= ems:
            return (line,)
    space = max(face.advance(" ") for face in faces().of(bold=bold))
    lines: list[str] = []
    for paragraph in text.splitlines():
        used = ems
        for word in tidy(paragraph).split(" "):
            for part in _fitting(word, ems, bold=bold):
                taken = set_line(part, bold=bold).width
                if used + space + taken > ems:
                    lines.append(part)
                    used = taken
                else:
                    lines[-1] += f" {part}"
                    used += space + taken
    return tuple(set_line(line, bold=bold) for line in lines if line)


def balanced(text: str, size: float, width: float) -> tuple[Line, ...]:
    """As few lines as `wrap` needs, but of about the same length: no last line of one word."""
    best = wrap(text, size, width)
    for narrower in range(95, 50, -5):
        tried = wrap(text, size, width * narrower / 100)
        if len(tried) > len(best):
            break
        best = tried
    return best
