"""The middle of a fiche as blocks of ink: subjects with their components, reading guide."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.worker.rendering.layout import (
    Block,
    Colour,
    Column,
    Part,
    Shape,
    Words,
    moved,
    rectangle,
    stacked,
)
from services.worker.rendering.typesetting import Line, balanced, set_line, wrap
from shared.documents.content import (
    ComponentOutcome,
    Level,
    SubjectSection,
)
from shared.documents.texts import Advice, FicheTexts, StatusTexts, Texts

WIDTH = 483.0  # of everything that is printed, in points

# Contrast on white: ink 16:1, accent 11:1, quiet 7.5:1, outline 4.9:1; the tint is paper, almost.
INK: Colour = (0.11, 0.12, 0.14)
ACCENT: Colour = (0.09, 0.22, 0.40)
QUIET: Colour = (0.30, 0.33, 0.37)
OUTLINE: Colour = (0.42, 0.45, 0.50)
HAIRLINE: Colour = (0.78, 0.80, 0.83)
TINT: Colour = (0.95, 0.96, 0.975)
WHITE: Colour = (1.0, 1.0, 1.0)

_TEXT_WIDTH = 296.0
_BETWEEN = 12.0  # at least, a name and the level beside it
_SCALE_WIDTH = 166.0
_SCALE_TOP = 9.0
_STEP_HEIGHT = 19.0
_MOST_NARROW_LINES = 4  # a longer text runs on under the scale, over the whole width
_CODE_SIZE = 10.5


@dataclass(frozen=True, slots=True)
class Measure:
    """How tightly a fiche is set: `type` multiplies type sizes, `air` the space between parts.

    With `is_level_beside`, a level stands beside the name of its component, where they fit a line.
    """

    type: float
    air: float
    is_level_beside: bool = False


def section_blocks(section: SubjectSection, texts: Texts, measure: Measure) -> Iterator[Block]:
    """A block per component; the first carries the subject's heading, so they stay together."""
    heading = texts.subject(section.subject)
    for outcome in section.outcomes:
        status = None if outcome.level else texts.statuses[outcome.status]
        yield _component(heading, outcome, status, texts.fiche, measure)
        heading = ""


@lru_cache(maxsize=4096)
def _component(
    heading: str,
    outcome: ComponentOutcome,
    status: StatusTexts | None,
    words: FicheTexts,
    measure: Measure,
) -> Block:
    block = _outcome(outcome, status, words, measure, is_first=bool(heading))
    return stacked((_heading(heading, measure), block)) if heading else block


def _heading(subject: str, measure: Measure) -> Block:
    column = Column()
    column.skip(17 * measure.air)
    size = 14 * measure.type
    column.write("H2", wrap(subject, size, WIDTH, bold=True), size, ACCENT)
    column.skip(2)
    column.inks.append(rectangle(0, column.height, WIDTH, 1.2, fill=ACCENT))
    column.skip(1.2)
    return Block(column.height, tuple(column.inks))


def _outcome(
    outcome: ComponentOutcome,
    status: StatusTexts | None,
    words: FicheTexts,
    measure: Measure,
    *,
    is_first: bool,
) -> Block:
    column = Column()
    if not is_first:
        column.inks.append(rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE))
    column.skip(9 * measure.air)
    top = column.height
    if outcome.level:
        level, explanation = outcome.level.label, outcome.description or ""
    else:
        level, explanation = (status.name, status.for_parents) if status else ("", "")
    size = 10.5 * measure.type
    _write_level(column, outcome.name, level, measure)
    scale = (
        _marked_scale(outcome.scale, outcome.level, words, measure.type)
        if outcome.level
        else _no_scale(words, measure.type)
    )
    column.inks.extend(moved(scale.inks, top, WIDTH - _SCALE_WIDTH))
    column.skip(2.5 * measure.air)
    lines = balanced(explanation, size, _TEXT_WIDTH)
    if len(lines) > _MOST_NARROW_LINES:
        column.height = max(column.height, top + scale.height + 2)
        lines = wrap(explanation, size, WIDTH)
    column.write("P", lines, size, INK)
    column.height = max(column.height, top + scale.height)
    column.skip(9 * measure.air)
    return Block(column.height, tuple(column.inks))


def _write_level(column: Column, name: str, level: str, measure: Measure) -> None:
    if measure.is_level_beside:
        size = 13 * measure.type
        whose, reached = set_line(name, bold=True), set_line(level, bold=True)
        left = _TEXT_WIDTH - reached.width * size
        if whose.width * size + _BETWEEN <= left:
            words = column.set_lines((whose,), size, INK)
            beside = Words(reached, left, words[0].y, size, ACCENT)
            column.inks += (Part("H3", words), Part("P", (beside,)))
            return
    name_size, level_size = 11.5 * measure.type, 15 * measure.type
    column.write("H3", wrap(name, name_size, _TEXT_WIDTH, bold=True), name_size, INK)
    column.skip(1)
    column.write("P", wrap(level, level_size, _TEXT_WIDTH, bold=True), level_size, ACCENT)


@lru_cache(maxsize=256)
def _marked_scale(
    scale: tuple[Level, ...], reached: Level, words: FicheTexts, of_type: float
) -> Block:
    """All levels as steps; the reached one is larger, dark, in bold, and has an arrow above it.

    Only that one step is filled: steps filled up to it would read as an amount. It shrinks with
    the type, so that its ends stay beside the level, above the line the description starts on.
    """
    step = _SCALE_WIDTH / len(scale)
    top, height = _SCALE_TOP * of_type, _STEP_HEIGHT * of_type
    left = scale.index(reached) * step
    middle = left + step / 2
    inks: list[Words | Shape] = [
        rectangle(at * step, top, step, height, outline=OUTLINE, line_width=0.8)
        for at in range(len(scale))
    ]
    inks.append(rectangle(left, top - 2, step, height + 4, fill=ACCENT))
    inks.append(Shape(((middle - 5, 0), (middle + 5, 0), (middle, top - 3.5)), fill=ACCENT))
    for at, level in enumerate(scale):
        line = set_line(level.code, bold=level == reached)
        colour = WHITE if level == reached else QUIET
        inks.append(_in_step(line, at * step, step, _CODE_SIZE, colour, of_type))
    bottom = Column(height=top + height + 3)
    lowest = bottom.set_lines((set_line(words.lowest),), 9.5 * of_type, QUIET)
    highest = set_line(words.highest)
    inks.extend(lowest)
    inks.extend(
        Words(highest, _SCALE_WIDTH - highest.width * ink.size, ink.y, ink.size, ink.colour)
        for ink in lowest
    )
    return Block(bottom.height, (Part("Figure", tuple(inks), _in_words(scale, reached, words)),))


def _in_words(scale: tuple[Level, ...], reached: Level, words: FicheTexts) -> str:
    """What is to be seen on a scale, for who does not see it."""
    steps = [level.code for level in scale]
    steps[-1] += f" ({words.highest})"
    if len(steps) > 1:
        steps[0] += f" ({words.lowest})"
    return f"{', '.join(steps)}: {reached.label}"


def _in_step(
    line: Line, left: float, width: float, size: float, colour: Colour, of_type: float
) -> Words:
    """In the middle of a step of that width, in a smaller type where it is narrow."""
    size = min(size * of_type, 0.9 * width / line.width)
    x = left + (width - line.width * size) / 2
    y = (_SCALE_TOP + _STEP_HEIGHT / 2) * of_type + size * 0.33
    return Words(line, x, y, size, colour)


@lru_cache(maxsize=16)
def _no_scale(words: FicheTexts, of_type: float) -> Block:
    top, height = _SCALE_TOP * of_type, _STEP_HEIGHT * of_type
    frame = rectangle(
        0, top, _SCALE_WIDTH, height, outline=OUTLINE, line_width=0.8, dashes=(2.5, 2)
    )
    said = _in_step(set_line(words.no_level), 0, _SCALE_WIDTH, 9.5, QUIET, of_type)
    return Block(top + height + 3, (frame, Part("P", (said,))))


@lru_cache(maxsize=16)
def guide(words: FicheTexts, measure: Measure) -> Block:
    """How to read the fiche, in a tinted panel of two columns, and the line to the school."""
    pad, gap = 14.0, 24.0
    cell_width = (WIDTH - 2 * pad - gap) / 2
    panel = Column(x=pad)
    panel.skip(11 * measure.air)
    panel.write("H2", wrap(words.guide_title, 11.5, WIDTH - 2 * pad, bold=True), 11.5, ACCENT)
    for start in range(0, len(words.guide), 2):
        panel.skip(6 * measure.air)
        deepest = panel.height
        for number, advice in enumerate(words.guide[start : start + 2]):
            cell = Column(x=pad + number * (cell_width + gap), height=panel.height)
            _write_advice(cell, advice, 9.5 * measure.type, cell_width)
            panel.inks.extend(cell.inks)
            deepest = max(deepest, cell.height)
        panel.height = deepest
    panel.skip(11 * measure.air)
    above = 14 * measure.air
    inks = (rectangle(0, 0, WIDTH, panel.height, fill=TINT), *panel.inks)
    below = Column(height=above + panel.height + 9 * measure.air)
    below.write("H2", wrap(words.for_the_school.lead, 9, WIDTH, bold=True), 9, QUIET)
    below.write("P", balanced(words.for_the_school.text, 9, WIDTH), 9, QUIET)
    return Block(below.height, (*moved(inks, above), *below.inks))


def _write_advice(cell: Column, advice: Advice, size: float, width: float) -> None:
    cell.write("H3", wrap(advice.lead, size, width, bold=True), size, INK)
    cell.write("P", wrap(advice.text, size, width), size, INK)
