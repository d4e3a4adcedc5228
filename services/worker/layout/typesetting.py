"""Typeset text: runs of one face each, placed combining marks, and line breaking."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from unicodedata import category, combining, normalize

from services.worker.layout.fonts import Face, GlyphBox, font_faces
from shared.core.drawable_text import graphemes, normalize_text

_LAST_CHARACTER = "\ufffd"
_MARK_GAP = 0.045  # ems between a letter and the mark above or below it
_BELOW = frozenset({202, 214, 218, 220, 222, 233, 240})  # canonical combining classes
_ATTACHED_BELOW = 202
_OVERLAY = 1
_DOTLESS = {"i": "\u0131", "j": "\u0237"}


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A combining mark; `x` and `y` from the start of the line's baseline, in ems."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class TextRun:
    """Text in one face, `x` ems from the start of its line; or one letter with its marks."""

    face: Face
    text: str
    x: float
    marks: tuple[PlacedMark, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TypesetLine:
    """One line of text runs; `width` in ems, so it can be placed at any size."""

    text: str
    runs: tuple[TextRun, ...]
    width: float


def _drawn_form(face: Face, grapheme: str) -> str | None:
    """Return a letter as this face draws it: whole, or composed of a letter and its marks."""
    for form in (grapheme, normalize("NFD", grapheme)):
        letter, marks = form[:1], form[1:]
        if any(map(_is_above, marks)):
            letter = _DOTLESS.get(letter, letter)
        if face.covers(letter + marks):
            return letter + marks
    return None


def _assign_faces(text: str, fallback_order: tuple[Face, ...]) -> Iterator[tuple[Face, str]]:
    """Yield a face per grapheme; a word stays in one face if a face covers all of it."""
    face = fallback_order[0]
    for word in re.split(r"([ \u00a0]+)", text):
        if word.isspace() and face.covers(word):
            yield from ((face, space) for space in word)
            continue
        letters = list(graphemes(word))
        for candidate in fallback_order:
            forms = [_drawn_form(candidate, letter) for letter in letters]
            if all(forms):
                yield from ((candidate, form) for form in forms if form)
                face = candidate
                break
        else:
            for letter in letters:
                face, form = _fallback_form(letter, fallback_order)
                yield face, form


def _fallback_form(grapheme: str, fallback_order: tuple[Face, ...]) -> tuple[Face, str]:
    for face in fallback_order:
        if form := _drawn_form(face, grapheme):
            return face, form
    return fallback_order[-1], grapheme


def _place_marks(face: Face, grapheme: str, pen: float) -> Iterator[PlacedMark]:
    """Centre the marks on their letter, stacked outward: mark positioning without GPOS tables."""
    letter = face.glyph_box(grapheme[0])
    top, bottom = letter.top, letter.bottom
    for mark in grapheme[1:]:
        box = face.glyph_box(mark)
        y = _mark_shift(combining(mark), box, top, bottom)
        x = (letter.left + letter.right - box.left - box.right) / 2
        top, bottom = max(top, box.top + y), min(bottom, box.bottom + y)
        yield PlacedMark(mark, pen + x, y)


def _is_above(mark: str) -> bool:
    return combining(mark) not in _BELOW | {0, _OVERLAY}


def _mark_shift(combining_class: int, mark: GlyphBox, top: float, bottom: float) -> float:
    if combining_class == _OVERLAY:
        return (top + bottom - mark.top - mark.bottom) / 2
    if combining_class in _BELOW:
        gap = 0.0 if combining_class == _ATTACHED_BELOW else _MARK_GAP
        return min(0.0, bottom - gap - mark.top)
    return max(0.0, top + _MARK_GAP - mark.bottom)


def _text_runs(text: str, fallback_order: tuple[Face, ...]) -> Iterator[TextRun]:
    pen = 0.0
    faced = _assign_faces(text, fallback_order)
    for (face, has_marks), group in groupby(faced, lambda pair: (pair[0], len(pair[1]) > 1)):
        members = [grapheme for _, grapheme in group]
        for part in members if has_marks else ["".join(members)]:
            letters = part[0] if has_marks else part
            marks = tuple(_place_marks(face, part, pen)) if has_marks else ()
            yield TextRun(face, letters, pen, marks)
            pen += face.advance_width(letters)


@cache
def simple_characters(face: Face) -> frozenset[str]:
    """Return the characters that need no normalization and no marks in this face."""
    return frozenset(
        letter
        for letter in face.characters
        if letter in " \u00a0"
        or (
            letter <= _LAST_CHARACTER
            and category(letter)[0] in "LNPS"
            and normalize("NFC", letter) == letter
        )
    )


def is_simple(text: str, face: Face) -> bool:
    """Return True for normalized text that the face draws as it is."""
    is_normalized = "  " not in text and text.strip(" \u00a0") == text
    return bool(text) and is_normalized and simple_characters(face).issuperset(text)


@lru_cache(maxsize=4096)
def typeset_line(text: str, *, bold: bool = False) -> TypesetLine:
    """Typeset normalized text as one line of any length."""
    first = font_faces().of_weight(bold=bold)[0]
    if is_simple(text, first):  # a shortcut with the same result, for most lines
        return TypesetLine(text, (TextRun(first, text, 0.0),), first.advance_width(text))
    normalized = normalize_text(text)
    runs = tuple(_text_runs(normalized, font_faces().of_weight(bold=bold)))
    last = runs[-1] if runs else None
    width = last.x + last.face.advance_width(last.text) if last else 0.0
    return TypesetLine(normalized, runs, width)


def _break_word(word: str, width: float, *, bold: bool) -> Iterator[str]:
    """Yield the word, broken between letters if it is wider than a whole line."""
    if typeset_line(word, bold=bold).width <= width:
        yield word
        return
    part = ""
    for grapheme in graphemes(word):
        if part and typeset_line(part + grapheme, bold=bold).width > width:
            yield part
            part = ""
        part += grapheme
    yield part


@lru_cache(maxsize=4096)
def wrap_text(
    text: str, size: float, width: float, *, bold: bool = False, indent: float = 0.0
) -> tuple[TypesetLine, ...]:
    """Break text into lines of at most `width` points at `size` points, also at line feeds.

    The first line is shorter by `indent`; it is empty when no word fits on it.
    """
    ems, indent_ems = width / size, indent / size
    if is_simple(text, font_faces().of_weight(bold=bold)[0]):
        line = typeset_line(text, bold=bold)
        if line.width + indent_ems <= ems:
            return (line,)
    faces = font_faces().of_weight(bold=bold)
    space = max(face.advance_width(" ") for face in faces if face.covers(" "))
    lines = [""] if indent else []
    used = indent_ems - space if indent else ems
    for paragraph in text.splitlines():
        for word in normalize_text(paragraph).split(" "):
            for part in _break_word(word, ems, bold=bold):
                needed = typeset_line(part, bold=bold).width
                if used + space + needed > ems:
                    lines.append(part)
                    used = needed
                else:
                    lines[-1] += f" {part}"
                    used += space + needed
        used = ems
    drawn = (line.lstrip() for number, line in enumerate(lines) if line or (indent and not number))
    return tuple(typeset_line(line, bold=bold) for line in drawn)


def wrap_balanced(
    text: str, size: float, width: float, *, bold: bool = False
) -> tuple[TypesetLine, ...]:
    """Break text into as few lines as `wrap_text`, of about equal length."""
    best = wrap_text(text, size, width, bold=bold)
    for percentage in range(95, 50, -5):
        candidate = wrap_text(text, size, width * percentage / 100, bold=bold)
        if len(candidate) > len(best):
            break
        best = candidate
    return best
