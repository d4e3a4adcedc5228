"""A reading guide as blocks: pictures with numbered places, words, tips, questions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.worker.documents.fiche_blocks import reading_guide, subject_heading
from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    SECONDARY_TEXT,
    TEXT,
    TINT,
    WIDTH,
    Density,
)
from services.worker.documents.guide_picture import (
    MARK_RADIUS,
    PICTURE_WIDTH,
    Place,
    back_picture,
    front_picture,
    mark,
)
from services.worker.layout.blocks import (
    Block,
    Column,
    Content,
    PlacedLine,
    TaggedContent,
    rectangle,
    translate,
)
from services.worker.layout.typesetting import wrap_balanced, wrap_text
from shared.documents.reading_guides.guide_texts import GuideTexts, StatusMeanings
from shared.documents.texts import DUTCH

_TITLE_SIZE = 22.0
_GAP = 14.0
_PLACE_X = PICTURE_WIDTH + _GAP
_TEXT_X = _PLACE_X + 2 * MARK_RADIUS + 7
_SEPARATOR = " · "
_CELL_GAP, _PADDING = 20.0, 14.0
_CELL_WIDTH = (WIDTH - _CELL_GAP) / 2


@dataclass(frozen=True, slots=True)
class Explanation:
    """The Dutch words at a place of a fiche, and what the place means in the guide's language."""

    dutch: str
    meaning: str


def front_blocks(texts: GuideTexts, density: Density) -> list[Block]:
    """Return the first page: what a fiche is, its front, and the words in place of a level."""
    return [
        _opening(texts, density),
        subject_heading(texts.front.title, density),
        _places(
            front_picture(1, texts.front.alternative), 1, _front_explanations(texts), texts, density
        ),
        subject_heading(texts.statuses.title, density),
        _statuses(texts, density),
    ]


def back_blocks(texts: GuideTexts, density: Density) -> list[Block]:
    """Return the second page: the back of a fiche, the tips, and the questions."""
    first = 1 + len(_front_explanations(texts))
    return [
        subject_heading(texts.back.title, density),
        _places(
            back_picture(first, texts.back.alternative),
            first,
            _back_explanations(texts),
            texts,
            density,
        ),
        reading_guide(texts.tips_title, texts.tips, density),
        _questions(texts, density),
    ]


def _opening(texts: GuideTexts, density: Density) -> Block:
    column = Column()
    column.contents.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.add_space(13)
    kind = wrap_text(DUTCH.fiche.title, BODY_SIZE, WIDTH, bold=True)
    column.add_lines("P", kind, BODY_SIZE, SECONDARY_TEXT, language=_dutch_in(texts))
    column.add_space(2)
    lines = wrap_text(texts.title, _TITLE_SIZE, WIDTH, bold=True)
    column.add_lines("H1", lines, _TITLE_SIZE, TEXT, leading=1.2)
    column.add_space(6 * density.spacing)
    lines = wrap_balanced(texts.introduction, BODY_SIZE * density.type, WIDTH)
    column.add_lines("P", lines, BODY_SIZE * density.type, TEXT)
    return column.to_block()


def _front_explanations(texts: GuideTexts) -> tuple[Explanation, ...]:
    words, front = DUTCH.fiche, texts.front
    facts = (
        words.class_group,
        words.school,
        words.site,
        words.target_group,
        words.tested,
        words.school_year,
    )
    goals = (words.basic_literacy.explanation.lead, words.final_objectives.explanation.lead)
    return (
        Explanation(words.title, front.student),
        Explanation(_SEPARATOR.join(facts), front.facts),
        Explanation(_SEPARATOR.join(DUTCH.subjects.values()), front.subjects),
        Explanation(_SEPARATOR.join((words.scale.lowest, words.scale.highest)), front.scale),
        Explanation("", front.description),
        Explanation(_SEPARATOR.join(goals), front.goals),
        Explanation(words.scale.no_level, front.no_level),
        Explanation(words.guide_title, front.tips),
    )


def _back_explanations(texts: GuideTexts) -> tuple[Explanation, ...]:
    words, back = DUTCH.fiche, texts.back
    tags = _SEPARATOR.join((words.levels.reached, words.levels.next_step))
    return (
        Explanation(words.levels.title, back.levels),
        Explanation(tags, back.next_step),
        Explanation(words.questions_title, back.questions),
        Explanation(words.viewing.title, back.viewing),
    )


def _dutch_in(texts: GuideTexts) -> str:
    """Return the language of Dutch words, or nothing in the Dutch guide."""
    return "" if DUTCH.language.startswith(texts.language) else DUTCH.language


def _places(
    picture: Block,
    first: int,
    explanations: Sequence[Explanation],
    texts: GuideTexts,
    density: Density,
) -> Block:
    """Return the picture, and next to it a list of what its numbers mean."""
    top = 10 * density.spacing
    column = Column(x=_TEXT_X, height=top)
    size, width = GUIDE_SIZE * density.type, WIDTH - _TEXT_X
    for number, one in enumerate(explanations, start=first):
        start = column.height
        disc, label = mark(number, Place(_PLACE_X + MARK_RADIUS, start + size * 0.66))
        dutch = wrap_text(one.dutch, size, width, bold=True)
        lines = column.place_lines(dutch, size, ACCENT, language=_dutch_in(texts))
        lines += column.place_lines(wrap_text(one.meaning, size, width), size, TEXT)
        column.contents += (disc, TaggedContent("LI", (label, *lines)))
        column.add_space(6 * density.spacing)
    contents = (*translate(picture.contents, top), *column.contents)
    return Block(max(column.height, top + picture.height), contents)


def _meanings(statuses: StatusMeanings) -> Iterator[tuple[str, str]]:
    yield "absent", statuses.absent
    yield "exempt", statuses.exempt
    yield "notCompleted", statuses.not_completed
    yield "notAssigned", statuses.not_assigned
    yield "withheld", statuses.withheld
    yield "withdrawn", statuses.withdrawn


def _statuses(texts: GuideTexts, density: Density) -> Block:
    """Return the words of a fiche without a level, in two columns, row by row."""
    column = Column(height=6 * density.spacing)
    meanings = [
        Explanation(DUTCH.statuses[code].name, text) for code, text in _meanings(texts.statuses)
    ]
    for start in range(0, len(meanings), 2):
        bottom = column.height
        for number, one in enumerate(meanings[start : start + 2]):
            x = number * (_CELL_WIDTH + _CELL_GAP)
            cell = Column(x=x, height=column.height)
            _add_pair(cell, one, _CELL_WIDTH, texts, density)
            column.contents += cell.contents
            bottom = max(bottom, cell.height)
        column.height = bottom + 4 * density.spacing
    return column.to_block()


def _add_pair(
    column: Column, pair: Explanation, width: float, texts: GuideTexts, density: Density
) -> None:
    """Add Dutch words and their meaning as one list item."""
    size = GUIDE_SIZE * density.type
    dutch = wrap_text(pair.dutch, size, width, bold=True)
    lines = column.place_lines(dutch, size, TEXT, language=_dutch_in(texts))
    lines += column.place_lines(wrap_text(pair.meaning, size, width), size, TEXT)
    column.contents.append(TaggedContent("LI", lines))


def _questions(texts: GuideTexts, density: Density) -> Block:
    """Return a panel with the questions in Dutch, and in the language of the guide."""
    panel = Column(x=_PADDING, height=9 * density.spacing)
    width = WIDTH - 2 * _PADDING
    title = wrap_text(texts.questions_title, 12 * density.type, width, bold=True)
    panel.add_lines("H2", title, 12 * density.type, ACCENT)
    size = BODY_SIZE * density.type
    panel.add_lines("P", wrap_text(texts.questions_introduction, size, width), size, TEXT)
    panel.add_space(3 * density.spacing)
    for dutch, question in zip(DUTCH.fiche.questions, texts.questions, strict=True):
        lines: tuple[PlacedLine, ...] = panel.place_lines(
            wrap_text(dutch, size, width, bold=True), size, TEXT, language=_dutch_in(texts)
        )
        if question != dutch:
            lines += panel.place_lines(wrap_text(question, size, width), size, TEXT)
        panel.contents.append(TaggedContent("LI", lines))
        panel.add_space(3 * density.spacing)
    panel.add_space(6 * density.spacing)
    above = 12 * density.spacing
    tint: Content = rectangle(0, 0, WIDTH, panel.height, fill=TINT)
    return Block(above + panel.height, tuple(translate((tint, *panel.contents), above)))
