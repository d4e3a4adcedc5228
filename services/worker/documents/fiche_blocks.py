"""The body of a fiche as blocks: subjects with their components, and the reading guide."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.worker.layout.blocks import (
    Block,
    Colour,
    Column,
    Graphic,
    PlacedLine,
    Polygon,
    TaggedContent,
    rectangle,
    stack_blocks,
    translate,
)
from services.worker.layout.typesetting import (
    TypesetLine,
    typeset_line,
    wrap_balanced,
    wrap_text,
)
from shared.documents.content import (
    ComponentOutcome,
    Level,
    SubjectSection,
)
from shared.documents.texts import Advice, FicheTexts, StatusTexts, Texts

WIDTH = 483.0  # of the area between the margins, in points

# Contrast on white: text 16:1, accent 11:1, secondary text 7.5:1, outline 4.9:1.
TEXT: Colour = (0.11, 0.12, 0.14)
ACCENT: Colour = (0.09, 0.22, 0.40)
SECONDARY_TEXT: Colour = (0.30, 0.33, 0.37)
OUTLINE: Colour = (0.42, 0.45, 0.50)
HAIRLINE: Colour = (0.78, 0.80, 0.83)
TINT: Colour = (0.95, 0.96, 0.975)
WHITE: Colour = (1.0, 1.0, 1.0)

_TEXT_WIDTH = 296.0
_MIN_GAP = 12.0  # between a component's name and a level on the same line
_SCALE_WIDTH = 166.0
_SCALE_TOP = 9.0
_STEP_HEIGHT = 19.0
_MAX_NARROW_LINES = 4  # a longer text is set below the scale, over the full width
_CODE_SIZE = 10.5


@dataclass(frozen=True, slots=True)
class Density:
    """Factors for how tightly a fiche is set: `type` for type sizes, `spacing` for white space.

    With `has_inline_levels`, a level is on the line of its component's name if both fit.
    """

    type: float
    spacing: float
    has_inline_levels: bool = False


def section_blocks(section: SubjectSection, texts: Texts, density: Density) -> Iterator[Block]:
    """Yield a block per component; the first includes the subject's heading."""
    heading = texts.subject(section.subject)
    for outcome in section.outcomes:
        status = None if outcome.level else texts.statuses[outcome.status]
        yield _component(heading, outcome, status, texts.fiche, density)
        heading = ""


@lru_cache(maxsize=4096)
def _component(
    heading: str,
    outcome: ComponentOutcome,
    status: StatusTexts | None,
    words: FicheTexts,
    density: Density,
) -> Block:
    block = _outcome(outcome, status, words, density, is_first=bool(heading))
    return stack_blocks((_heading(heading, density), block)) if heading else block


def _heading(subject: str, density: Density) -> Block:
    column = Column()
    column.add_space(17 * density.spacing)
    size = 14 * density.type
    column.add_lines("H2", wrap_text(subject, size, WIDTH, bold=True), size, ACCENT)
    column.add_space(2)
    column.contents.append(rectangle(0, column.height, WIDTH, 1.2, fill=ACCENT))
    column.add_space(1.2)
    return column.to_block()


def _outcome(
    outcome: ComponentOutcome,
    status: StatusTexts | None,
    words: FicheTexts,
    density: Density,
    *,
    is_first: bool,
) -> Block:
    column = Column()
    if not is_first:
        column.contents.append(rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE))
    column.add_space(9 * density.spacing)
    top = column.height
    if outcome.level:
        level, explanation = outcome.level.label, outcome.description or ""
    else:
        level, explanation = (status.name, status.for_parents) if status else ("", "")
    _add_level(column, outcome.name, level, density)
    scale = (
        _marked_scale(outcome.scale, outcome.level, words, density.type)
        if outcome.level
        else _empty_scale(words, density.type)
    )
    column.contents.extend(translate(scale.contents, top, WIDTH - _SCALE_WIDTH))
    column.add_space(2.5 * density.spacing)
    _add_explanation(column, explanation, 10.5 * density.type, top + scale.height)
    column.height = max(column.height, top + scale.height)
    column.add_space(9 * density.spacing)
    return column.to_block()


def _add_level(column: Column, component: str, level: str, density: Density) -> None:
    if density.has_inline_levels:
        size = 13 * density.type
        name_line = typeset_line(component, bold=True)
        level_line = typeset_line(level, bold=True)
        left = _TEXT_WIDTH - level_line.width * size
        if name_line.width * size + _MIN_GAP <= left:
            name = column.place_lines((name_line,), size, TEXT)
            inline = PlacedLine(level_line, left, name[0].y, size, ACCENT)
            column.contents += (TaggedContent("H3", name), TaggedContent("P", (inline,)))
            return
    name_size, level_size = 11.5 * density.type, 15 * density.type
    column.add_lines("H3", wrap_text(component, name_size, _TEXT_WIDTH, bold=True), name_size, TEXT)
    column.add_space(1)
    column.add_lines("P", wrap_text(level, level_size, _TEXT_WIDTH, bold=True), level_size, ACCENT)


def _add_explanation(column: Column, text: str, size: float, scale_bottom: float) -> None:
    lines = wrap_balanced(text, size, _TEXT_WIDTH)
    if len(lines) > _MAX_NARROW_LINES:
        column.height = max(column.height, scale_bottom + 2)
        lines = wrap_text(text, size, WIDTH)
    column.add_lines("P", lines, size, TEXT)


@lru_cache(maxsize=256)
def _marked_scale(
    scale: tuple[Level, ...], reached: Level, words: FicheTexts, type_factor: float
) -> Block:
    """Return all levels as steps; the reached one is larger, dark, bold and below an arrow.

    Only that step is filled: steps filled up to it would look like an amount. The scale shrinks
    with the type, so that its end labels stay above the first line of the description.
    """
    step = _SCALE_WIDTH / len(scale)
    top, height = _SCALE_TOP * type_factor, _STEP_HEIGHT * type_factor
    left = scale.index(reached) * step
    middle = left + step / 2
    graphics: list[Graphic] = [
        rectangle(index * step, top, step, height, outline=OUTLINE, line_width=0.8)
        for index in range(len(scale))
    ]
    graphics.append(rectangle(left, top - 2, step, height + 4, fill=ACCENT))
    graphics.append(Polygon(((middle - 5, 0), (middle + 5, 0), (middle, top - 3.5)), fill=ACCENT))
    for index, level in enumerate(scale):
        line = typeset_line(level.code, bold=level == reached)
        colour = WHITE if level == reached else SECONDARY_TEXT
        graphics.append(_step_label(line, index * step, step, _CODE_SIZE, colour, type_factor))
    labels, block_height = _end_labels(words, top + height + 3, type_factor)
    graphics += labels
    figure = TaggedContent("Figure", tuple(graphics), _alternative(scale, reached, words))
    return Block(block_height, (figure,))


def _end_labels(
    words: FicheTexts, top: float, type_factor: float
) -> tuple[list[PlacedLine], float]:
    """Return the labels of the lowest and the highest level, and the y below them."""
    column = Column(height=top)
    lowest = column.place_lines((typeset_line(words.lowest),), 9.5 * type_factor, SECONDARY_TEXT)
    line = typeset_line(words.highest)
    highest = [
        PlacedLine(line, _SCALE_WIDTH - line.width * low.size, low.y, low.size, low.colour)
        for low in lowest
    ]
    return [*lowest, *highest], column.height


def _alternative(scale: tuple[Level, ...], reached: Level, words: FicheTexts) -> str:
    """Return the alternate description of a scale."""
    steps = [level.code for level in scale]
    steps[-1] += f" ({words.highest})"
    if len(steps) > 1:
        steps[0] += f" ({words.lowest})"
    return f"{', '.join(steps)}: {reached.label}"


def _step_label(
    line: TypesetLine, left: float, width: float, size: float, colour: Colour, type_factor: float
) -> PlacedLine:
    """Centre the line in a step of that width, in a smaller type if the step is narrow."""
    size = min(size * type_factor, 0.9 * width / line.width)
    x = left + (width - line.width * size) / 2
    y = (_SCALE_TOP + _STEP_HEIGHT / 2) * type_factor + size * 0.33
    return PlacedLine(line, x, y, size, colour)


@lru_cache(maxsize=16)
def _empty_scale(words: FicheTexts, type_factor: float) -> Block:
    top, height = _SCALE_TOP * type_factor, _STEP_HEIGHT * type_factor
    frame = rectangle(
        0, top, _SCALE_WIDTH, height, outline=OUTLINE, line_width=0.8, dashes=(2.5, 2)
    )
    line = typeset_line(words.no_level)
    label = _step_label(line, 0, _SCALE_WIDTH, 9.5, SECONDARY_TEXT, type_factor)
    return Block(top + height + 3, (frame, TaggedContent("P", (label,))))


@lru_cache(maxsize=16)
def reading_guide(words: FicheTexts, density: Density) -> Block:
    """Return the guide as a tinted panel with two columns, and the note to the school below it."""
    padding, gap = 14.0, 24.0
    cell_width = (WIDTH - 2 * padding - gap) / 2
    panel = Column(x=padding)
    panel.add_space(11 * density.spacing)
    title = wrap_text(words.guide_title, 11.5, WIDTH - 2 * padding, bold=True)
    panel.add_lines("H2", title, 11.5, ACCENT)
    for start in range(0, len(words.guide), 2):
        panel.add_space(6 * density.spacing)
        row_bottom = panel.height
        for number, advice in enumerate(words.guide[start : start + 2]):
            cell = Column(x=padding + number * (cell_width + gap), height=panel.height)
            _add_advice(cell, advice, 9.5 * density.type, cell_width)
            panel.contents.extend(cell.contents)
            row_bottom = max(row_bottom, cell.height)
        panel.height = row_bottom
    panel.add_space(11 * density.spacing)
    above = 14 * density.spacing
    contents = (rectangle(0, 0, WIDTH, panel.height, fill=TINT), *panel.contents)
    note = Column(height=above + panel.height + 9 * density.spacing)
    lead, text = words.for_the_school.lead, words.for_the_school.text
    note.add_lines("H2", wrap_text(lead, 9, WIDTH, bold=True), 9, SECONDARY_TEXT)
    note.add_lines("P", wrap_balanced(text, 9, WIDTH), 9, SECONDARY_TEXT)
    return Block(note.height, (*translate(contents, above), *note.contents))


def _add_advice(cell: Column, advice: Advice, size: float, width: float) -> None:
    cell.add_lines("H3", wrap_text(advice.lead, size, width, bold=True), size, TEXT)
    cell.add_lines("P", wrap_text(advice.text, size, width), size, TEXT)
