"""The scale of a component as a figure: its steps, the one reached, and where goals start."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from services.worker.documents.fiche_style import (
    ACCENT,
    GUIDE_SIZE,
    LABEL_SIZE,
    OUTLINE,
    SECONDARY_TEXT,
    WHITE,
)
from services.worker.layout.blocks import (
    Block,
    Column,
    Graphic,
    PlacedLine,
    Polygon,
    TaggedContent,
    rectangle,
)
from services.worker.layout.typesetting import typeset_line
from shared.documents.content import Level
from shared.documents.fiche_texts import FicheTexts, GoalTexts

SCALE_WIDTH = 172.0
_SCALE_TOP = 9.0
_STEP_HEIGHT = 20.0
_ROW_HEIGHT = 17.0  # of a step with a code too long for its width
_CODE_SIZE = 11.0
_CODE_SHARE = 0.9  # of a step's width


class Goal(NamedTuple):
    """A goal of a scale, and the first level that attains it."""

    words: GoalTexts
    first: Level


def goals(scale: tuple[Level, ...], words: FicheTexts) -> Iterator[Goal]:
    """Yield the goals that the delivery marks on this scale; import checked their order."""
    for texts, name in (
        (words.basic_literacy, "attains_basic_literacy"),
        (words.final_objectives, "attains_final_objectives"),
    ):
        if first := next((level for level in scale if getattr(level, name)), None):
            yield Goal(texts, first)


def attainment(scale: tuple[Level, ...], reached: Level, words: FicheTexts) -> str:
    """Return what the level is enough for, in one or two sentences; nothing without a goal."""
    found = list(goals(scale, words))
    attained = [goal for goal in found if reached.ordinal >= goal.first.ordinal]
    missed = [goal for goal in found if reached.ordinal < goal.first.ordinal]
    sentences = [goal.words.attained for goal in attained[-1:]]
    sentences += [goal.words.not_attained for goal in missed[:1]]
    return " ".join(sentences)


@lru_cache(maxsize=256)
def marked_scale(
    scale: tuple[Level, ...], reached: Level, words: FicheTexts, type_factor: float
) -> Block:
    """Return all levels as steps; the reached one is larger, dark, bold and next to an arrow.

    Only that step is filled: steps filled up to it would look like an amount.
    """
    column = Column()
    graphics = list(
        _steps(column, scale, reached, type_factor)
        if _has_short_codes(scale)
        else _rows(column, scale, reached, words, type_factor)
    )
    if _has_short_codes(scale):
        graphics += _end_labels(column, words, type_factor)
    for goal in goals(scale, words):
        graphics += _goal_line(column, scale, goal, type_factor)
    alternative = _alternative(scale, reached, words)
    return Block(column.height, (TaggedContent("Figure", tuple(graphics), alternative),))


def _has_short_codes(scale: tuple[Level, ...]) -> bool:
    """Return True if each code fits its step in type of nine points."""
    widest = max(typeset_line(level.code, bold=True).width for level in scale)
    return widest * LABEL_SIZE <= _CODE_SHARE * SCALE_WIDTH / len(scale)


def _steps(
    column: Column, scale: tuple[Level, ...], reached: Level, type_factor: float
) -> Iterator[Graphic]:
    width = SCALE_WIDTH / len(scale)
    top, height = _SCALE_TOP * type_factor, _STEP_HEIGHT * type_factor
    left = scale.index(reached) * width
    middle = left + width / 2
    for index in range(len(scale)):
        yield rectangle(index * width, top, width, height, outline=OUTLINE, line_width=0.8)
    yield rectangle(left, top - 2, width, height + 4, fill=ACCENT)
    yield Polygon(((middle - 5, 0), (middle + 5, 0), (middle, top - 3.5)), fill=ACCENT)
    for index, level in enumerate(scale):
        line = typeset_line(level.code, bold=level == reached)
        size = min(_CODE_SIZE * type_factor, _CODE_SHARE * width / line.width)
        x = index * width + (width - line.width * size) / 2
        colour = WHITE if level == reached else SECONDARY_TEXT
        yield PlacedLine(line, x, top + height / 2 + size * 0.33, size, colour)
    column.height = top + height + 3


def _rows(
    column: Column,
    scale: tuple[Level, ...],
    reached: Level,
    words: FicheTexts,
    type_factor: float,
) -> Iterator[Graphic]:
    """Yield the steps below each other, from the lowest down, for codes that are words."""
    x, height = 10.0, _ROW_HEIGHT * type_factor
    width = SCALE_WIDTH - x
    yield from _label(column, words.scale.lowest, type_factor)
    for level in scale:
        top = column.height
        is_reached = level == reached
        yield rectangle(
            x,
            top,
            width,
            height,
            fill=ACCENT if is_reached else None,
            outline=OUTLINE,
            line_width=0.8,
        )
        if is_reached:
            middle = top + height / 2
            yield Polygon(((0, middle - 5), (0, middle + 5), (x - 3, middle)), fill=ACCENT)
        line = typeset_line(level.code, bold=is_reached)
        size = min(GUIDE_SIZE * type_factor, (width - 10) / line.width)
        baseline = top + height / 2 + size * 0.33
        yield PlacedLine(line, x + 5, baseline, size, WHITE if is_reached else SECONDARY_TEXT)
        column.add_space(height)
    column.add_space(2)
    yield from _label(column, words.scale.highest, type_factor)


def _label(column: Column, text: str, type_factor: float) -> tuple[PlacedLine, ...]:
    return column.place_lines((typeset_line(text),), LABEL_SIZE * type_factor, SECONDARY_TEXT)


def _end_labels(column: Column, words: FicheTexts, type_factor: float) -> Iterator[PlacedLine]:
    """Yield the labels of the lowest and the highest level, on one line."""
    lowest = _label(column, words.scale.lowest, type_factor)
    yield from lowest
    line = typeset_line(words.scale.highest)
    for low in lowest:
        yield PlacedLine(line, SCALE_WIDTH - line.width * low.size, low.y, low.size, low.colour)


def _goal_line(
    column: Column, scale: tuple[Level, ...], goal: Goal, type_factor: float
) -> Iterator[Graphic]:
    """Yield a line below the steps that attain the goal, and its label, which names the first."""
    column.add_space(4)
    text = goal.words.marker.format(level=goal.first.code)
    if _has_short_codes(scale):
        left = SCALE_WIDTH * scale.index(goal.first) / len(scale)
        yield rectangle(left, column.height, SCALE_WIDTH - left, 1.4, fill=ACCENT)
        yield rectangle(left, column.height - 3, 1.4, 3, fill=ACCENT)
        column.add_space(2)
    for line in _label(column, text, type_factor):
        size = min(line.size, SCALE_WIDTH / line.line.width)
        x = SCALE_WIDTH - line.line.width * size
        yield PlacedLine(line.line, x, line.y, size, line.colour)


def _alternative(scale: tuple[Level, ...], reached: Level, words: FicheTexts) -> str:
    """Return the alternate description of a scale in sentences."""
    levels = ", ".join(level.code for level in scale)
    return " ".join(
        (
            words.scale.alternative_scale.format(levels=levels),
            words.scale.alternative_reached.format(level=reached.label),
            *(
                words.scale.alternative_goal.format(
                    level=goal.first.code, goal=goal.words.explanation.lead
                )
                for goal in goals(scale, words)
            ),
        )
    )


@lru_cache(maxsize=16)
def empty_scale(words: FicheTexts, type_factor: float) -> Block:
    top, height = _SCALE_TOP * type_factor, _STEP_HEIGHT * type_factor
    frame = rectangle(0, top, SCALE_WIDTH, height, outline=OUTLINE, line_width=0.8, dashes=(2.5, 2))
    line = typeset_line(words.scale.no_level)
    size = LABEL_SIZE * type_factor
    x = (SCALE_WIDTH - line.width * size) / 2
    label = PlacedLine(line, x, top + height / 2 + size * 0.33, size, SECONDARY_TEXT)
    return Block(top + height + 3, (frame, TaggedContent("P", (label,))))
