"""The report of school feedback as blocks: title, facts, and per component sentences and tables."""

from collections.abc import Iterable, Iterator, Sequence

from services.worker.documents.feedback_figures import (
    class_rows,
    goal_headers,
    goal_rows,
    level_headers,
    level_rows,
)
from services.worker.documents.feedback_table import FeedbackRow, table_header, table_row
from services.worker.documents.fiche_head import FactRow, fact_blocks
from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    SECONDARY_TEXT,
    TEXT,
    WIDTH,
    Density,
)
from services.worker.documents.hand_out_blocks import third_parties
from services.worker.layout.blocks import (
    Block,
    Column,
    FlowBlock,
    TaggedContent,
    rectangle,
    stack_blocks,
    vertical_space,
)
from services.worker.layout.typesetting import wrap_balanced, wrap_text
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.documents.school_feedback.sentences import (
    component_sentence,
    mean_sentence,
    not_tested_sentence,
    reading_of_levels,
    reference_sentences,
)
from shared.documents.school_feedback.texts import SchoolFeedbackTexts
from shared.documents.texts import DUTCH
from shared.school_feedback.figures import ComponentFigures, SchoolFeedback

_DENSITY = Density(type=1.0, spacing=0.9)
_BELOW_TABLE = vertical_space(6)
_SMALLEST_SPLIT = 2
"""Class groups that stay on the page of their heading."""


def report_flow(content: SchoolFeedbackContent, texts: SchoolFeedbackTexts) -> Iterator[FlowBlock]:
    """Yield the parts of the report in reading order; no row of a table is split."""
    opening = (
        _title(content, texts),
        *fact_blocks(_fact_rows(content), _DENSITY),
        third_parties(texts.third_parties),
    )
    yield FlowBlock(stack_blocks(opening))
    for group in content.target_groups:
        for number, component in enumerate(group.components):
            yield from _component(group, component, texts, has_heading=number == 0)
    hidden = [texts.reading.hidden] if _hides_a_row(content) else []
    yield FlowBlock(_paragraphs([*hidden, texts.reading.questions], space=12))


def _hides_a_row(content: SchoolFeedbackContent) -> bool:
    return any(row.is_hidden for figures in content.components() for row in figures.rows)


def _title(content: SchoolFeedbackContent, texts: SchoolFeedbackTexts) -> Block:
    column = Column()
    column.contents.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.add_space(13)
    kind = wrap_text(f"{texts.title} {content.administration.name}", 13, WIDTH, bold=True)
    lines = column.place_lines(kind, 13, ACCENT)
    column.add_space(3)
    school = wrap_text(content.school.name, 25, WIDTH, bold=True)
    lines += column.place_lines(school, 25, TEXT, leading=1.2)
    column.contents.append(TaggedContent("H1", lines))
    return column.to_block()


def _fact_rows(content: SchoolFeedbackContent) -> tuple[FactRow, FactRow]:
    words, administration, school = DUTCH.fiche, content.administration, content.school
    labels = DUTCH.overview.facts
    groups = ", ".join(group.target_group_name for group in content.target_groups)
    tested = DUTCH.period_of(administration.tested_from_on, administration.tested_until_on)
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    first = ((labels["school_id"], school.id), (words.school, place))
    second = (
        (words.school_year, administration.school_year),
        (words.target_group, groups),
        (words.tested, tested),
    )
    return first, second


def _component(
    group: SchoolFeedback,
    figures: ComponentFigures,
    texts: SchoolFeedbackTexts,
    *,
    has_heading: bool,
) -> Iterator[FlowBlock]:
    """Yield heading, sentence and the table of levels together, then the other tables."""
    heading = [_heading("H2", group.target_group_name, 16, above=14)] if has_heading else []
    subject = DUTCH.subject(figures.subject)
    name = f"{subject}: {figures.name}"
    if figures.is_calibration:
        name += f" ({_in_sentence(texts.calibration)})"
    sentences = [component_sentence(figures, texts)]
    is_shown = not figures.school_row.is_hidden
    parts = [*heading, _heading("H3", name, 13, above=12), _paragraphs(sentences, space=2)]
    if is_shown:
        parts += _table(level_headers(figures, texts.group), level_rows(figures, texts))
        parts.append(_note(reading_of_levels(figures, texts)))
    yield FlowBlock(stack_blocks(parts))
    if is_shown:
        yield from _goals(figures, texts)
        yield from _class_groups(figures, texts)
        yield FlowBlock(_origins(figures, texts))


def _goals(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[FlowBlock]:
    rows = [*goal_rows(figures, texts)]
    if rows:
        table = _table(goal_headers(figures, texts), rows)
        yield FlowBlock(stack_blocks([*table, _note(texts.reading.attainment)]))


def _class_groups(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Iterator[FlowBlock]:
    """Yield the rows of class groups; each page repeats the headers."""
    rows = [table_row(row) for row in class_rows(figures, texts)]
    if not rows:
        return
    header = table_header(level_headers(figures, texts.class_group))
    first, others = rows[:_SMALLEST_SPLIT], rows[_SMALLEST_SPLIT:]
    yield FlowBlock(stack_blocks([_BELOW_TABLE, header, *first]))
    for row in others:
        yield FlowBlock(row, header)
    yield FlowBlock(_note(texts.reading.class_groups))


def _origins(figures: ComponentFigures, texts: SchoolFeedbackTexts) -> Block:
    """Return students without a level, the origin of the references, and the version."""
    sentences = (
        mean_sentence(figures, texts),
        not_tested_sentence(figures, texts),
        *reference_sentences(figures, texts),
        texts.figures_version.format(version=figures.version),
    )
    column = Column(height=2)
    lines = wrap_text(" ".join(filter(None, sentences)), GUIDE_SIZE, WIDTH)
    column.add_lines("P", lines, GUIDE_SIZE, SECONDARY_TEXT)
    return column.to_block()


def _table(headers: tuple[str, ...], rows: Iterable[FeedbackRow]) -> list[Block]:
    return [_BELOW_TABLE, table_header(headers), *map(table_row, rows)]


def _heading(role: str, text: str, size: float, *, above: float) -> Block:
    column = Column(height=above)
    lines = wrap_text(text, size, WIDTH, bold=True)
    column.add_lines("H2" if role == "H2" else "H3", lines, size, ACCENT)
    return column.to_block()


def _paragraphs(texts: Sequence[str], *, space: float) -> Block:
    column = Column(height=space)
    for text in texts:
        column.add_lines("P", wrap_balanced(text, BODY_SIZE, WIDTH), BODY_SIZE, TEXT)
        column.add_space(2)
    return column.to_block()


def _note(text: str) -> Block:
    """Return how to read the table above."""
    column = Column(x=10.0, height=5)
    placed = column.place_lines(wrap_text(text, GUIDE_SIZE, WIDTH - 10), GUIDE_SIZE, TEXT)
    bar = rectangle(0, 5, 2.5, column.height - 5, fill=ACCENT)
    column.contents += (bar, TaggedContent("P", placed))
    column.add_space(3)
    return column.to_block()


def _in_sentence(text: str) -> str:
    return text[:1].lower() + text[1:]
