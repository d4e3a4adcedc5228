"""The parts of a hand-out list above its table and after it, as blocks."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from services.worker.documents.fiche_head import FactRow, fact_blocks
from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    TEXT,
    WIDTH,
    Density,
)
from services.worker.layout.blocks import (
    Block,
    Column,
    PlacedLine,
    TaggedContent,
    rectangle,
)
from services.worker.layout.typesetting import typeset_line, wrap_balanced, wrap_text
from shared.documents.hand_out_lists.content import HandOutListContent, MissingReason
from shared.documents.hand_out_lists.texts import HandOutTexts, MissingFicheTexts
from shared.documents.texts import Advice, Texts

_DENSITY = Density(type=1.0, spacing=0.9)
_NUMBER_WIDTH = 17.0


def heading(content: HandOutListContent, words: HandOutTexts) -> Block:
    """Return the title with the class group."""
    column = Column()
    column.contents.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.add_space(13)
    title = wrap_text(f"{words.title} {content.administration.name}", 13, WIDTH, bold=True)
    lines = column.place_lines(title, 13, ACCENT)
    column.add_space(3)
    class_group = wrap_text(content.class_group, 25, WIDTH, bold=True)
    lines += column.place_lines(class_group, 25, TEXT, leading=1.2)
    column.contents.append(TaggedContent("H1", lines))
    return column.to_block()


def facts(content: HandOutListContent, texts: Texts) -> Iterator[Block]:
    return fact_blocks(_fact_rows(content, texts), _DENSITY)


def summary(content: HandOutListContent, words: HandOutTexts) -> Block:
    """Return the numbers of students with and without a fiche."""
    count, fiches = len(content.entries), content.fiche_count
    text = words.summary if count > 1 else words.summary_of_one
    text = text.format(students=count, fiches=fiches)
    if count > fiches:
        text += f" {words.summary_missing.format(missing=count - fiches)}"
    column = Column(height=4)
    column.add_lines("P", wrap_text(text, BODY_SIZE, WIDTH), BODY_SIZE, TEXT)
    return column.to_block()


@lru_cache(maxsize=16)
def third_parties(advice: Advice) -> Block:
    column = Column(height=6)
    lead = wrap_text(f"{advice.lead}.", GUIDE_SIZE, WIDTH, bold=True)
    lines = column.place_lines(lead, GUIDE_SIZE, ACCENT)
    lines += column.place_lines(wrap_balanced(advice.text, GUIDE_SIZE, WIDTH), GUIDE_SIZE, TEXT)
    column.contents.append(TaggedContent("P", lines))
    column.add_space(8)
    return column.to_block()


def _fact_rows(content: HandOutListContent, texts: Texts) -> tuple[FactRow, FactRow]:
    words = texts.fiche
    administration, school = content.administration, content.school
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    tested = texts.period_of(administration.tested_from_on, administration.tested_until_on)
    site = ((words.site, content.site_name),) if content.site_name else ()
    first = (
        (words.target_group, content.target_group_name),
        (words.school, place),
        *site,
    )
    return first, ((words.school_year, administration.school_year), (words.tested, tested))


def guide(reasons: Iterable[MissingReason], words: HandOutTexts) -> Block:
    """Return how to hand over the fiches, and what to do about each reason in the list."""
    column = Column(height=14)
    _add_title(column, words.guide_title)
    for number, step in enumerate(words.guide, start=1):
        column.add_space(3)
        column.x = _NUMBER_WIDTH
        text = wrap_text(step, BODY_SIZE, WIDTH - _NUMBER_WIDTH)
        lines = column.place_lines(text, BODY_SIZE, TEXT)
        numbering = typeset_line(f"{number}.", bold=True)
        label = PlacedLine(numbering, 0.0, lines[0].y, BODY_SIZE, ACCENT)
        column.contents.append(TaggedContent("LI", (label, *lines)))
    column.x = 0.0
    if reasons:
        column.add_space(16)
        _add_title(column, words.missing_title)
    for reason in reasons:
        _add_reason(column, words.missing[reason])
    return column.to_block()


def _add_title(column: Column, title: str) -> None:
    column.add_lines("H2", wrap_text(title, 14, WIDTH, bold=True), 14, ACCENT)


def _add_reason(column: Column, words: MissingFicheTexts) -> None:
    column.add_space(6)
    column.add_lines("H3", wrap_text(words.name, BODY_SIZE, WIDTH, bold=True), BODY_SIZE, TEXT)
    text = f"{words.explanation} {words.remedy}"
    column.add_lines("P", wrap_text(text, BODY_SIZE, WIDTH), BODY_SIZE, TEXT)
