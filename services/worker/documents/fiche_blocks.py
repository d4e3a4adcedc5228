"""The front of a fiche as blocks: subjects with their components, and the reading guide."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from services.worker.documents.fiche_scale import (
    SCALE_WIDTH,
    attainment,
    empty_scale,
    goals,
    marked_scale,
)
from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    HAIRLINE,
    SECONDARY_TEXT,
    TEXT,
    TINT,
    WIDTH,
    Density,
)
from services.worker.layout.blocks import (
    Block,
    Column,
    FlowBlock,
    PlacedLine,
    TaggedContent,
    rectangle,
    stack_blocks,
    translate,
)
from services.worker.layout.typesetting import (
    typeset_line,
    wrap_balanced,
    wrap_text,
)
from shared.documents.content import ComponentOutcome, SubjectSection
from shared.documents.fiche_texts import Advice, FicheTexts, StatusTexts
from shared.documents.texts import Texts

_TEXT_WIDTH = 290.0
_MIN_GAP = 12.0  # between a component's name and a level on the same line
_MAX_NARROW_LINES = 5  # a longer text is set below the scale, over the full width
_PADDING, _GAP = 14.0, 24.0
_CELL_WIDTH = (WIDTH - 2 * _PADDING - _GAP) / 2
_NUMBER_WIDTH = 17.0


def front_flow(
    sections: Sequence[SubjectSection], texts: Texts, density: Density
) -> Iterator[FlowBlock]:
    """Yield the components, and the reading guide or, without any level, questions to ask."""
    for section in sections:
        yield from section_blocks(section, texts, density)
    words = texts.fiche
    if any(outcome.level for section in sections for outcome in section.outcomes):
        yield FlowBlock(reading_guide(words.guide_title, guide_advice(sections, words), density))
    else:
        yield FlowBlock(questions(words, "", density))


def section_blocks(section: SubjectSection, texts: Texts, density: Density) -> Iterator[FlowBlock]:
    """Yield a block per component; the first, and each that starts a page, has the heading."""
    heading = subject_heading(texts.subject(section.subject), density)
    for number, outcome in enumerate(section.outcomes):
        status = None if outcome.level else texts.statuses[outcome.status]
        block = _component(outcome, status, texts.fiche, density, number == 0)
        first = with_heading(heading, block) if number == 0 else block
        yield FlowBlock(first, heading if number else None)


@lru_cache(maxsize=4096)
def with_heading(heading: Block, block: Block) -> Block:
    """Return the same block for the same parts, so that its content stream is shared, too."""
    return stack_blocks((heading, block))


@lru_cache(maxsize=256)
def subject_heading(subject: str, density: Density) -> Block:
    column = Column()
    column.add_space(15 * density.spacing)
    size = 14 * density.type
    column.add_lines("H2", wrap_text(subject, size, WIDTH, bold=True), size, ACCENT)
    column.add_space(2)
    column.contents.append(rectangle(0, column.height, WIDTH, 1.2, fill=ACCENT))
    column.add_space(1.2)
    return column.to_block()


@lru_cache(maxsize=4096)
def _component(
    outcome: ComponentOutcome,
    status: StatusTexts | None,
    words: FicheTexts,
    density: Density,
    is_first: bool,  # noqa: FBT001  # a cached function takes its arguments by position
) -> Block:
    column = Column()
    if not is_first:
        column.contents.append(rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE))
    column.add_space(8 * density.spacing)
    top = column.height
    if outcome.level:
        scale = marked_scale(outcome.scale, outcome.level, words, density.type)
        _add_level(column, outcome.name, outcome.level.label, density)
    else:
        scale = empty_scale(words, density.type)
        _add_status(column, outcome.name, status.name if status else "", density)
    column.contents.extend(translate(scale.contents, top, WIDTH - SCALE_WIDTH))
    column.add_space(2 * density.spacing)
    explanation = (
        outcome.description or "" if outcome.level else status.for_parents if status else ""
    )
    size = BODY_SIZE * density.type
    _add_explanation(column, explanation, size, top + scale.height)
    if outcome.level and (enough := attainment(outcome.scale, outcome.level, words)):
        column.add_space(2 * density.spacing)
        lines = wrap_balanced(enough, size, _TEXT_WIDTH, bold=True)
        column.add_lines("P", lines, size, TEXT)
    column.height = max(column.height, top + scale.height)
    column.add_space(8 * density.spacing)
    return column.to_block()


def _add_level(column: Column, component: str, level: str, density: Density) -> None:
    if density.has_inline_levels:
        size = 12.5 * density.type
        name_line = typeset_line(component, bold=True)
        level_line = typeset_line(level, bold=True)
        left = _TEXT_WIDTH - level_line.width * size
        if name_line.width * size + _MIN_GAP <= left:
            name = column.place_lines((name_line,), size, TEXT)
            inline = PlacedLine(level_line, left, name[0].y, size, ACCENT)
            column.contents += (TaggedContent("H3", name), TaggedContent("P", (inline,)))
            return
    _add_name(column, component, density)
    size = 15 * density.type
    column.add_lines("P", wrap_text(level, size, _TEXT_WIDTH, bold=True), size, ACCENT)


def _add_status(column: Column, component: str, status: str, density: Density) -> None:
    """Add a status, which is quieter than a level: it is no outcome."""
    _add_name(column, component, density)
    size = BODY_SIZE * density.type
    column.add_lines("P", wrap_text(status, size, _TEXT_WIDTH, bold=True), size, SECONDARY_TEXT)


def _add_name(column: Column, component: str, density: Density) -> None:
    size = 12 * density.type
    column.add_lines("H3", wrap_text(component, size, _TEXT_WIDTH, bold=True), size, TEXT)
    column.add_space(1)


def _add_explanation(column: Column, text: str, size: float, scale_bottom: float) -> None:
    lines = wrap_balanced(text, size, _TEXT_WIDTH)
    if len(lines) > _MAX_NARROW_LINES:
        column.height = max(column.height, scale_bottom + 2)
        lines = wrap_text(text, size, WIDTH)
    column.add_lines("P", lines, size, TEXT)


def guide_advice(sections: Sequence[SubjectSection], words: FicheTexts) -> tuple[Advice, ...]:
    """Return the advice of the reading guide, with the goals that the scales of the fiche mark."""
    marked = {
        goal.words.explanation: None
        for section in sections
        for outcome in section.outcomes
        if outcome.level
        for goal in goals(outcome.scale, words)
    }
    return (*words.guide, *marked)


@lru_cache(maxsize=64)
def reading_guide(title: str, advice: tuple[Advice, ...], density: Density) -> Block:
    """Return the guide as a tinted panel with two columns."""
    panel = _start_panel(title, density)
    for start in range(0, len(advice), 2):
        panel.add_space(5 * density.spacing)
        row_bottom = panel.height
        for number, one in enumerate(advice[start : start + 2]):
            cell = Column(x=_PADDING + number * (_CELL_WIDTH + _GAP), height=panel.height)
            size = GUIDE_SIZE * density.type
            cell.add_lines("H3", wrap_text(one.lead, size, _CELL_WIDTH, bold=True), size, TEXT)
            cell.add_lines("P", wrap_text(one.text, size, _CELL_WIDTH), size, TEXT)
            panel.contents.extend(cell.contents)
            row_bottom = max(row_bottom, cell.height)
        panel.height = row_bottom
    return _finish_panel(panel, density)


@lru_cache(maxsize=64)
def questions(words: FicheTexts, viewing: str, density: Density) -> Block:
    """Return a panel with questions for the teacher and, next to them, the text on test viewing."""
    size = BODY_SIZE * density.type
    panel = _start_panel(words.questions_title, density)
    right = Column(x=_PADDING + _CELL_WIDTH + _GAP, height=9 * density.spacing)
    panel.add_space(3 * density.spacing)
    panel.x += _NUMBER_WIDTH
    for number, question in enumerate(words.questions, start=1):
        text = wrap_text(question, size, _CELL_WIDTH - _NUMBER_WIDTH)
        lines = panel.place_lines(text, size, TEXT)
        numbering = typeset_line(f"{number}.", bold=True)
        mark = PlacedLine(numbering, _PADDING, lines[0].y, size, ACCENT)
        panel.contents.append(TaggedContent("LI", (mark, *lines)))
    if viewing:
        _add_title(right, words.viewing.title, _CELL_WIDTH, density)
        right.add_space(3 * density.spacing)
        right.add_lines("P", wrap_text(viewing, size, _CELL_WIDTH), size, TEXT)
        panel.contents += right.contents
        panel.height = max(panel.height, right.height)
    return _finish_panel(panel, density)


def _start_panel(title: str, density: Density) -> Column:
    """Return a padded column with a heading, to be completed by `_finish_panel`."""
    panel = Column(x=_PADDING)
    panel.add_space(9 * density.spacing)
    _add_title(panel, title, WIDTH - 2 * _PADDING, density)
    return panel


def _add_title(column: Column, title: str, width: float, density: Density) -> None:
    size = 12 * density.type
    column.add_lines("H2", wrap_text(title, size, width, bold=True), size, ACCENT)


def _finish_panel(panel: Column, density: Density) -> Block:
    """Return the panel on a tint, with space above."""
    panel.add_space(10 * density.spacing)
    above = 14 * density.spacing
    contents = (rectangle(0, 0, WIDTH, panel.height, fill=TINT), *panel.contents)
    return Block(above + panel.height, tuple(translate(contents, above)))
