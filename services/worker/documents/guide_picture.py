"""The pictures of a reading guide: the lay-out of a fiche, without a student and without a level.

Headings are those of the Dutch fiche; a bar is in the place of any other text.
"""

from collections.abc import Iterator
from functools import cache
from math import cos, pi, sin
from typing import NamedTuple

from services.worker.documents.fiche_style import (
    ACCENT,
    HAIRLINE,
    LABEL_SIZE,
    OUTLINE,
    SECONDARY_TEXT,
    TINT,
    WHITE,
)
from services.worker.layout.blocks import (
    Block,
    Colour,
    Graphic,
    PlacedLine,
    Polygon,
    TaggedContent,
    rectangle,
)
from services.worker.layout.typesetting import typeset_line, wrap_text
from shared.documents.texts import DUTCH

PICTURE_WIDTH = 212.0
MARK_RADIUS = 7.0

_PAGE_LEFT, _PAGE_RIGHT = 21.0, 191.0
_LEFT, _RIGHT = 33.0, 179.0  # of what is on the page
_WIDTH = _RIGHT - _LEFT
_MARKS_LEFT, _MARKS_RIGHT = 9.0, 203.0
_LEVELS, _MARKED, _GOAL_FROM = 5, 2, 1
_SCALE_WIDTH, _SCALE_LEFT = 66.0, _RIGHT - 66.0
_STEP = _SCALE_WIDTH / _LEVELS
_CORNERS = 32  # of a polygon that looks like a circle
_BOLD: Colour = (0.55, 0.58, 0.62)  # in the place of bold text, and HAIRLINE of other text


class Place(NamedTuple):
    """The centre of a numbered mark."""

    x: float
    y: float


def mark(number: int, place: Place) -> Iterator[Graphic]:
    """Yield a number in a disc."""
    angles = (2 * pi * corner / _CORNERS for corner in range(_CORNERS))
    points = tuple(
        (place.x + MARK_RADIUS * cos(angle), place.y + MARK_RADIUS * sin(angle)) for angle in angles
    )
    yield Polygon(points, fill=ACCENT)
    line = typeset_line(f"{number}", bold=True)
    left = place.x - line.width * LABEL_SIZE / 2
    yield PlacedLine(line, left, place.y + LABEL_SIZE * 0.34, LABEL_SIZE, WHITE)


def front_picture(first: int, alternative: str) -> Block:
    """Return the front, with eight marks from `first` on."""
    places = (
        Place(_MARKS_LEFT, 30),
        Place(_MARKS_LEFT, 62),
        Place(_MARKS_LEFT, 106),
        Place(_MARKS_RIGHT, 131),
        Place(_MARKS_LEFT, 141),
        Place(_MARKS_RIGHT, 153),
        Place(_MARKS_RIGHT, 188),
        Place(_MARKS_LEFT, 301),
    )
    return _picture(350, _front(), places, first, alternative)


def back_picture(first: int, alternative: str) -> Block:
    """Return the back, with four marks from `first` on."""
    places = (
        Place(_MARKS_LEFT, 21),
        Place(_MARKS_LEFT, 104),
        Place(_MARKS_LEFT, 186),
        Place(_MARKS_RIGHT, 186),
    )
    return _picture(226, _back(), places, first, alternative)


def _picture(
    height: float,
    content: tuple[Graphic, ...],
    places: tuple[Place, ...],
    first: int,
    alternative: str,
) -> Block:
    page = rectangle(
        _PAGE_LEFT,
        1,
        _PAGE_RIGHT - _PAGE_LEFT,
        height - 2,
        fill=WHITE,
        outline=OUTLINE,
        line_width=0.8,
    )
    marks = [one for number, place in enumerate(places, first) for one in mark(number, place)]
    described = alternative.format(first=first, last=first + len(places) - 1)
    return Block(height, (TaggedContent("Figure", (page, *content, *marks), described),))


@cache
def _front() -> tuple[Graphic, ...]:
    words = DUTCH.fiche
    return (
        rectangle(_LEFT, 13, 20, 3, fill=ACCENT),
        *_heading(words.title, _LEFT, 27),
        _bar(_LEFT, 31, 84, _BOLD, height=8),
        *_facts(50),
        _bar(_LEFT, 84, 120),
        _bar(_LEFT, 90, 92),
        *_subject(DUTCH.subject("nederlands"), 110),
        *_component(118),
        _rule(166),
        *_component_without_level(174),
        *_subject(DUTCH.subject("wiskunde"), 220),
        *_component(228),
        *_panel(278, 60),
        *_heading(words.guide_title, _LEFT + 8, 292),
        *(
            bar
            for top in (299, 316)
            for left in (_LEFT + 8, _LEFT + 76)
            for bar in (_bar(left, top, 30, _BOLD), *_text_bars(left, top + 5, 54, 40))
        ),
    )


@cache
def _back() -> tuple[Graphic, ...]:
    words = DUTCH.fiche
    return (
        *_heading(words.levels.title, _LEFT, 24),
        _bar(_LEFT, 30, 126),
        *_subject(DUTCH.subject("nederlands"), 52),
        *_levels(62),
        *_panel(162, 54),
        *_wrapped_heading(words.questions_title, _LEFT + 8, 175, 66),
        *_wrapped_heading(words.viewing.title, _LEFT + 80, 175, 60),
        *(_bar(_LEFT + 8, top, 54) for top in (194, 200, 206)),
        *(_bar(_LEFT + 80, top, 54) for top in (194, 200, 206)),
    )


def _bar(x: float, y: float, width: float, colour: Colour = HAIRLINE, height: float = 3) -> Polygon:
    return rectangle(x, y, width, height, fill=colour)


def _text_bars(x: float, y: float, *widths: float) -> Iterator[Polygon]:
    for number, width in enumerate(widths):
        yield _bar(x, y + 5.5 * number, width)


def _rule(y: float, colour: Colour = HAIRLINE) -> Polygon:
    return rectangle(_LEFT, y, _WIDTH, 0.8, fill=colour)


def _panel(y: float, height: float) -> Iterator[Polygon]:
    yield rectangle(_LEFT, y, _WIDTH, height, fill=TINT)


def _heading(text: str, x: float, baseline: float) -> Iterator[PlacedLine]:
    """Yield a heading of the fiche, which is in Dutch."""
    line = typeset_line(text, bold=True)
    yield PlacedLine(line, x, baseline, LABEL_SIZE, ACCENT, DUTCH.language)


def _wrapped_heading(text: str, x: float, baseline: float, width: float) -> Iterator[PlacedLine]:
    for number, line in enumerate(wrap_text(text, LABEL_SIZE, width, bold=True)):
        y = baseline + number * LABEL_SIZE * 1.2
        yield PlacedLine(line, x, y, LABEL_SIZE, ACCENT, DUTCH.language)


def _subject(name: str, baseline: float) -> Iterator[Graphic]:
    yield from _heading(name, _LEFT, baseline)
    yield _rule(baseline + 3, ACCENT)


def _facts(top: float) -> Iterator[Polygon]:
    for y in (top, top + 15):
        for x, width in ((_LEFT, 32), (_LEFT + 52, 44), (_LEFT + 110, 28)):
            yield _bar(x, y, width * 0.6, height=2.5)
            yield _bar(x, y + 5, width, _BOLD)


def _component(top: float) -> Iterator[Graphic]:
    """Yield a component: name, level, text, what it is enough for, and the scale with a goal."""
    yield _bar(_LEFT, top, 52, _BOLD, height=4)
    yield _bar(_LEFT, top + 8, 34, ACCENT, height=5)
    yield from _text_bars(_LEFT, top + 18, 64, 56)
    yield _bar(_LEFT, top + 34, 60, _BOLD)
    yield from _scale(top)


def _scale(top: float) -> Iterator[Graphic]:
    for step in range(_LEVELS):
        left = _SCALE_LEFT + step * _STEP
        yield rectangle(left, top + 7, _STEP, 12, outline=OUTLINE, line_width=0.8)
    left = _SCALE_LEFT + _MARKED * _STEP
    middle = left + _STEP / 2
    yield rectangle(left, top + 6, _STEP, 14, fill=ACCENT)
    yield Polygon(((middle - 4, top), (middle + 4, top), (middle, top + 4.5)), fill=ACCENT)
    start = _SCALE_LEFT + _GOAL_FROM * _STEP
    yield rectangle(start, top + 27, _RIGHT - start, 1.4, fill=ACCENT)
    yield rectangle(start, top + 24, 1.4, 3, fill=ACCENT)
    yield _bar(_RIGHT - 44, top + 33, 44, _BOLD)


def _component_without_level(top: float) -> Iterator[Graphic]:
    yield _bar(_LEFT, top, 46, _BOLD, height=4)
    yield _bar(_LEFT, top + 8, 28, _BOLD, height=4)
    yield from _text_bars(_LEFT, top + 17, 60)
    yield rectangle(
        _SCALE_LEFT, top + 7, _SCALE_WIDTH, 15, outline=OUTLINE, line_width=0.8, dashes=(2.5, 2)
    )
    line = typeset_line(DUTCH.fiche.scale.no_level)
    left = _SCALE_LEFT + (_SCALE_WIDTH - line.width * LABEL_SIZE) / 2
    yield PlacedLine(line, left, top + 17.5, LABEL_SIZE, SECONDARY_TEXT, DUTCH.language)


def _levels(top: float) -> Iterator[Graphic]:
    """Yield the levels as rows: the marked one on a tint, the next one in a broken line."""
    words = DUTCH.fiche.levels
    text = _LEFT + 24
    yield rectangle(_LEFT, top + 27, _WIDTH, 23, fill=TINT)
    tags = {_MARKED: words.reached, _MARKED + 1: words.next_step}
    y = top
    for row in range(_LEVELS):
        is_marked, tag = row == _MARKED, tags.get(row, "")
        yield rectangle(
            _LEFT,
            y + 2,
            16,
            10,
            fill=ACCENT if is_marked else None,
            outline=ACCENT if tag else OUTLINE,
            line_width=0.8,
            dashes=(2.5, 2) if tag and not is_marked else (),
        )
        if tag:
            yield from _heading(tag, text, y + 10.5)
            start = text + typeset_line(tag, bold=True).width * LABEL_SIZE + 6
            yield _bar(start, y + 5.5, text + 104 - start)
            y += 10
        yield _bar(text, y + 5.5, 104 - 9 * (row % 2))
        y += 14
