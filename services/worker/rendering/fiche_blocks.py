"""The parts of a fiche as blocks of ink: head, subjects with their components, reading guide."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.worker.rendering.layout import Block, Colour, Column, Ink, Shape, Words, rectangle
from services.worker.rendering.typesetting import balanced, set_line, wrap
from shared.documents.content import ComponentOutcome, FicheContent, Level, SubjectSection
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
_SCALE_WIDTH = 166.0
_FACT_COLUMNS = ((0.0, 152.0), (164.0, 190.0), (366.0, 117.0))
_LARGEST_NAME_LINES = 2
_SMALLEST_NAME = 12.0
_STEP_HEIGHT = 19.0
_MOST_NARROW_LINES = 4  # a longer text runs on under the scale, over the whole width
_CODE_SIZE = 10.5


@dataclass(frozen=True, slots=True)
class Measure:
    """How tightly a fiche is set: `type` multiplies type sizes, `air` the space between parts."""

    type: float
    air: float


def head(content: FicheContent, texts: Texts, measure: Measure) -> Block:
    """Document title, whose fiche it is, the facts around it, and how to look at what follows."""
    column = Column()
    column.inks.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.skip(13)
    title = f"{texts.fiche.title} {content.administration.name}"
    column.write(wrap(title, 13, WIDTH, bold=True), 13, ACCENT)
    column.skip(3)
    _write_name(column, f"{content.given_name} {content.family_name}")
    column.skip(8 * measure.air)
    _write_facts(column, _facts(content, texts), measure)
    column.skip(9 * measure.air)
    size = 10.5 * measure.type
    column.write(balanced(texts.fiche.introduction, size, WIDTH), size, INK)
    return Block(column.height, tuple(column.inks))


def _write_name(column: Column, name: str) -> None:
    size = 25.0
    lines = wrap(name, size, WIDTH, bold=True)
    while len(lines) > _LARGEST_NAME_LINES and size > _SMALLEST_NAME:
        size -= 1.0
        lines = wrap(name, size, WIDTH, bold=True)
    column.write(lines, size, INK, leading=1.2)


def _facts(content: FicheContent, texts: Texts) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Rows of label and value."""
    words, administration, school = texts.fiche, content.administration, content.school
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    tested = texts.period_of(administration.tested_from_on, administration.tested_until_on)
    where = [(words.class_group, content.class_group), (words.school, place)]
    if content.site_name:
        where.append((words.site, content.site_name))
    when = (
        (words.target_group, content.target_group_name),
        (words.tested, tested),
        (words.school_year, administration.school_year),
    )
    return tuple(where), when


def _write_facts(
    column: Column, rows: tuple[tuple[tuple[str, str], ...], ...], measure: Measure
) -> None:
    for row in rows:
        deepest = column.height
        for (label, value), (x, width) in zip(row, _FACT_COLUMNS, strict=False):
            cell = Column(x=x, height=column.height)
            cell.write(wrap(label, 8.5, width), 8.5, QUIET)
            size = 10.5 * measure.type
            cell.write(wrap(value, size, width), size, INK, leading=1.22)
            column.inks.extend(cell.inks)
            deepest = max(deepest, cell.height)
        column.height = deepest + 5 * measure.air


def section_blocks(section: SubjectSection, texts: Texts, measure: Measure) -> Iterator[Block]:
    """A block per component; the first carries the subject's heading, so they stay together."""
    heading: Block | None = _heading(texts.subject(section.subject), measure)
    for outcome in section.outcomes:
        status = None if outcome.level else texts.statuses[outcome.status]
        block = _outcome(outcome, status, texts.fiche, measure, is_first=heading is not None)
        yield _under(heading, block) if heading else block
        heading = None


def _under(upper: Block, lower: Block) -> Block:
    return Block(upper.height + lower.height, (*upper.inks, *moved(lower.inks, upper.height)))


def moved(inks: tuple[Ink, ...], down: float, right: float = 0.0) -> Iterator[Ink]:
    """The same ink elsewhere, in points."""
    for ink in inks:
        if isinstance(ink, Words):
            yield Words(ink.line, ink.x + right, ink.y + down, ink.size, ink.colour)
        else:
            points = tuple((x + right, y + down) for x, y in ink.points)
            yield Shape(points, ink.fill, ink.outline, ink.line_width, ink.dashes)


@lru_cache(maxsize=256)
def _heading(subject: str, measure: Measure) -> Block:
    column = Column()
    column.skip(17 * measure.air)
    size = 14 * measure.type
    column.write(wrap(subject, size, WIDTH, bold=True), size, ACCENT)
    column.skip(2)
    column.inks.append(rectangle(0, column.height, WIDTH, 1.2, fill=ACCENT))
    column.skip(1.2)
    return Block(column.height, tuple(column.inks))


@lru_cache(maxsize=4096)
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
        scale = _marked_scale(outcome.scale, outcome.level, words)
    else:
        level, explanation = (status.name, status.for_parents) if status else ("", "")
        scale = _no_scale(words)
    name_size, level_size, size = (points * measure.type for points in (11.5, 15.0, 10.5))
    column.write(wrap(outcome.name, name_size, _TEXT_WIDTH, bold=True), name_size, INK)
    column.skip(1)
    column.write(wrap(level, level_size, _TEXT_WIDTH, bold=True), level_size, ACCENT)
    scale = (
        _marked_scale(outcome.scale, outcome.level, words) if outcome.level else _no_scale(words)
    )
    column.inks.extend(moved(scale.inks, top, WIDTH - _SCALE_WIDTH))
    column.skip(2.5 * measure.air)
    lines = balanced(explanation, size, _TEXT_WIDTH)
    if len(lines) > _MOST_NARROW_LINES:
        column.height = max(column.height, top + scale.height + 2)
        lines = wrap(explanation, size, WIDTH)
    column.write(lines, size, INK)
    column.height = max(column.height, top + scale.height)
    column.skip(9 * measure.air)
    return Block(column.height, tuple(column.inks))


@lru_cache(maxsize=256)
def _marked_scale(scale: tuple[Level, ...], reached: Level, words: FicheTexts) -> Block:
    """All levels as steps; the reached one is larger, dark, in bold, and has an arrow above it.

    Only that one step is filled: steps filled up to it would read as an amount.
    """
    step = _SCALE_WIDTH / len(scale)
    top = 9.0
    left = scale.index(reached) * step
    middle = left + step / 2
    inks: list[Ink] = [
        rectangle(at * step, top, step, _STEP_HEIGHT, outline=OUTLINE, line_width=0.8)
        for at in range(len(scale))
    ]
    inks.append(rectangle(left, top - 2, step, _STEP_HEIGHT + 4, fill=ACCENT))
    inks.append(Shape(((middle - 5, 0), (middle + 5, 0), (middle, 5.5)), fill=ACCENT))
    for at, level in enumerate(scale):
        inks.append(_code(level.code, at * step, top, step, is_reached=level == reached))
    bottom = Column(height=top + _STEP_HEIGHT + 3)
    bottom.write((set_line(words.lowest),), 8, QUIET)
    highest = set_line(words.highest)
    inks.extend(bottom.inks)
    inks.extend(
        Words(highest, _SCALE_WIDTH - highest.width * ink.size, ink.y, ink.size, ink.colour)
        for ink in bottom.inks
        if isinstance(ink, Words)
    )
    return Block(bottom.height, tuple(inks))


def _code(code: str, left: float, top: float, step: float, *, is_reached: bool) -> Words:
    line = set_line(code, bold=is_reached)
    size = min(_CODE_SIZE, 0.9 * step / line.width)
    x = left + (step - line.width * size) / 2
    y = top + _STEP_HEIGHT / 2 + size * 0.33
    return Words(line, x, y, size, WHITE if is_reached else QUIET)


@lru_cache(maxsize=16)
def _no_scale(words: FicheTexts) -> Block:
    top = 9.0
    line = set_line(words.no_level)
    size = min(9.5, 0.9 * _SCALE_WIDTH / line.width)
    return Block(
        top + _STEP_HEIGHT + 3,
        (
            rectangle(
                0, top, _SCALE_WIDTH, _STEP_HEIGHT, outline=OUTLINE, line_width=0.8, dashes=(2.5, 2)
            ),
            Words(
                line,
                (_SCALE_WIDTH - line.width * size) / 2,
                top + _STEP_HEIGHT / 2 + size * 0.33,
                size,
                QUIET,
            ),
        ),
    )


@lru_cache(maxsize=16)
def guide(words: FicheTexts, measure: Measure) -> Block:
    """How to read the fiche, in a tinted panel of two columns, and the line to the school."""
    pad, gap = 14.0, 24.0
    cell_width = (WIDTH - 2 * pad - gap) / 2
    panel = Column(x=pad)
    panel.skip(11 * measure.air)
    panel.write(wrap(words.guide_title, 11.5, WIDTH - 2 * pad, bold=True), 11.5, ACCENT)
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
    below.write(wrap(words.for_the_school.lead, 8.5, WIDTH, bold=True), 8.5, QUIET)
    below.write(balanced(words.for_the_school.text, 8.5, WIDTH), 8.5, QUIET)
    return Block(below.height, (*moved(inks, above), *below.inks))


def _write_advice(cell: Column, advice: Advice, size: float, width: float) -> None:
    cell.write(wrap(advice.lead, size, width, bold=True), size, INK)
    cell.write(wrap(advice.text, size, width), size, INK)
