"""The back of a fiche as blocks: all levels in words, questions for the teacher, test viewing."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from services.worker.documents.fiche_blocks import questions, subject_heading, with_heading
from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    OUTLINE,
    SECONDARY_TEXT,
    TEXT,
    TINT,
    WHITE,
    WIDTH,
    Density,
)
from services.worker.layout.blocks import (
    Block,
    Column,
    Content,
    FlowBlock,
    PlacedLine,
    TaggedContent,
    rectangle,
    stack_blocks,
)
from services.worker.layout.typesetting import typeset_line, wrap_balanced, wrap_text
from shared.documents.content import ComponentOutcome, SubjectSection
from shared.documents.fiche_texts import LevelsTexts
from shared.documents.texts import Texts
from shared.documents.viewing_periods import ViewingPeriod

MAX_LEVELS_HEIGHT = 500.0
"""The levels of a component are kept on one page up to this height, in points."""

_MIN_CODE_WIDTH, _MAX_CODE_WIDTH = 26.0, 150.0
_GAP = 8.0
_LEADING = 1.24
_BOX_HEIGHT = 1.4  # as a multiple of the size
_TAG_GAP = 0.6  # as a multiple of the size


def back_flow(
    sections: tuple[SubjectSection, ...],
    periods: tuple[ViewingPeriod, ...] | None,
    texts: Texts,
    density: Density,
) -> Iterator[FlowBlock]:
    """Yield the levels, the questions for the teacher and, if there is any, test viewing."""
    yield from levels_blocks(sections, texts, density)
    viewing = "" if periods is None else viewing_text(periods, texts)
    yield FlowBlock(questions(texts.fiche, viewing, density))


def levels_blocks(
    sections: tuple[SubjectSection, ...], texts: Texts, density: Density
) -> Iterator[FlowBlock]:
    """Yield the levels of each component that the student has a level in, under an introduction."""
    words = texts.fiche.levels
    yield FlowBlock(_introduction(words, density))
    for section in sections:
        heading = subject_heading(texts.subject(section.subject), density)
        is_first = True
        for outcome in section.outcomes:
            if outcome.level is None:
                continue
            for number, block in enumerate(_component_levels(outcome, words, density)):
                if is_first:
                    yield FlowBlock(with_heading(heading, block))
                else:
                    again = heading if number == 0 else _continued(heading, outcome.name, density)
                    yield FlowBlock(block, again)
                is_first = False


@lru_cache(maxsize=16)
def _introduction(words: LevelsTexts, density: Density) -> Block:
    column = Column()
    size = 16 * density.type
    column.add_lines("H2", wrap_text(words.title, size, WIDTH, bold=True), size, ACCENT)
    column.add_space(4 * density.spacing)
    size = BODY_SIZE * density.type
    column.add_lines("P", wrap_balanced(words.introduction, size, WIDTH), size, TEXT)
    return column.to_block()


@lru_cache(maxsize=256)
def _continued(heading: Block, name: str, density: Density) -> Block:
    return stack_blocks((heading, _name(name, density)))


@lru_cache(maxsize=256)
def _name(name: str, density: Density) -> Block:
    column = Column()
    column.add_space(8 * density.spacing)
    size = 12 * density.type
    column.add_lines("H3", wrap_text(name, size, WIDTH, bold=True), size, TEXT)
    column.add_space(2 * density.spacing)
    return column.to_block()


@lru_cache(maxsize=4096)
def _component_levels(
    outcome: ComponentOutcome, words: LevelsTexts, density: Density
) -> tuple[Block, ...]:
    """Return one block, or one per level if that would be too high."""
    rows = _rows(outcome, words, density)
    whole = stack_blocks((_name(outcome.name, density), *rows))
    if whole.height <= MAX_LEVELS_HEIGHT:
        return (whole,)
    return (stack_blocks((_name(outcome.name, density), rows[0])), *rows[1:])


def _rows(outcome: ComponentOutcome, words: LevelsTexts, density: Density) -> list[Block]:
    widest = max(typeset_line(level.code, bold=True).width for level in outcome.scale)
    code_width = widest * GUIDE_SIZE * density.type + 10
    code_width = max(min(code_width, _MAX_CODE_WIDTH), _MIN_CODE_WIDTH)
    is_highest = outcome.level == outcome.scale[-1]
    tags = {outcome.level: words.reached_highest if is_highest else words.reached}
    for level, above in pairwise(outcome.scale):
        if level == outcome.level:
            tags[above] = words.next_step
    return [
        _row(
            level.code,
            (text or "").strip() or level.label,
            tags.get(level, ""),
            code_width,
            density,
            is_reached=level == outcome.level,
        )
        for level, text in zip(outcome.scale, outcome.descriptions, strict=True)
    ]


def _row(
    code: str, text: str, tag: str, code_width: float, density: Density, *, is_reached: bool
) -> Block:
    """Return a level as one list item: its code, its tag, and what a student can do there.

    The tag is in bold at the start of the first line.
    """
    size = GUIDE_SIZE * density.type
    padding = 3.0 * density.spacing
    row = Column(x=code_width + _GAP, height=padding)
    tag_line = typeset_line(tag, bold=True)
    indent = (tag_line.width + _TAG_GAP) * size if tag else 0.0
    described = wrap_text(text, size, WIDTH - row.x, indent=indent)
    lines = row.place_lines(described, size, TEXT, leading=_LEADING)
    if tag:
        first = replace(lines[0], x=row.x + indent)
        tagged = PlacedLine(tag_line, row.x, first.y, size, ACCENT)
        lines = (tagged, *((first,) if first.line.text else ()), *lines[1:])
    row.height += padding
    baseline = lines[0].y
    code_line = typeset_line(code, bold=bool(tag))
    code_size = min(size, (code_width - _GAP) / code_line.width)
    x = (code_width - code_line.width * code_size) / 2
    colour = WHITE if is_reached else ACCENT if tag else SECONDARY_TEXT
    code_label = PlacedLine(code_line, x, baseline, code_size, colour)
    box_height = size * _BOX_HEIGHT
    box = rectangle(
        0,
        baseline - size * 0.33 - box_height / 2,
        code_width,
        box_height,
        fill=ACCENT if is_reached else None,
        outline=ACCENT if tag else OUTLINE,
        line_width=0.8,
        dashes=(2.5, 2) if tag and not is_reached else (),
    )
    contents: list[Content] = [box, TaggedContent("LI", (code_label, *lines))]
    if is_reached:
        contents.insert(0, rectangle(0, 0, WIDTH, row.height, fill=TINT))
    return Block(max(row.height, box_height + 2), tuple(contents))


def viewing_text(periods: tuple[ViewingPeriod, ...], texts: Texts) -> str:
    """Return how the student can view the test, and when."""
    words = texts.fiche.viewing
    found = words.joint.join(
        words.open_end.format(day=texts.day(one.from_on))
        if one.until_on is None
        else words.period.format(days=texts.period_of(one.from_on, one.until_on))
        for one in periods
    )
    when = words.planned.format(periods=found) if periods else words.unplanned
    return f"{words.right} {when} {words.registration}"
