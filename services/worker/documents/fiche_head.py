"""The head, the running head and the foot of a fiche as blocks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from services.worker.documents.fiche_blocks import (
    ACCENT,
    HAIRLINE,
    SECONDARY_TEXT,
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
    stack_blocks,
    vertical_space,
)
from services.worker.layout.typesetting import typeset_line, wrap_balanced, wrap_text
from shared.documents.content import AdministrationFacts, FicheContent, SchoolFacts
from shared.documents.texts import FicheTexts, Texts


class _FactColumn(NamedTuple):
    x: float
    width: float


_FACT_COLUMNS = (
    _FactColumn(0.0, 152.0),
    _FactColumn(164.0, 190.0),
    _FactColumn(366.0, 117.0),
)
_LABEL_SIZE, _VALUE_SIZE, _VALUE_LEADING = 9.0, 10.5, 1.22
_MAX_NAME_LINES = 2
_MIN_NAME_SIZE = 12.0
_FOOT_SIZE = 9.0


def head(content: FicheContent, texts: Texts, density: Density) -> Block:
    """Return the title, the student's name, the facts and the introduction."""
    return stack_blocks(
        (
            title(texts.fiche, content.administration),
            student_name(content.student_name),
            *fact_blocks(fact_rows(FicheFacts.of(content), texts), density),
            introduction(texts.fiche, density),
        )
    )


@lru_cache(maxsize=64)
def title(words: FicheTexts, administration: AdministrationFacts) -> Block:
    column = Column()
    column.contents.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.add_space(13)
    lines = wrap_text(f"{words.title} {administration.name}", 13, WIDTH, bold=True)
    column.add_lines("H1", lines, 13, ACCENT)
    column.add_space(3)
    return column.to_block()


def student_name(name: str) -> Block:
    size = 25.0
    lines = wrap_text(name, size, WIDTH, bold=True)
    while len(lines) > _MAX_NAME_LINES and size > _MIN_NAME_SIZE:
        size -= 1.0
        lines = wrap_text(name, size, WIDTH, bold=True)
    column = Column()
    column.add_lines("P", lines, size, TEXT, leading=1.2)
    return column.to_block()


@lru_cache(maxsize=16)
def introduction(words: FicheTexts, density: Density) -> Block:
    column = Column()
    column.add_space(9 * density.spacing)
    size = 10.5 * density.type
    column.add_lines("P", wrap_balanced(words.introduction, size, WIDTH), size, TEXT)
    return column.to_block()


@dataclass(frozen=True, slots=True)
class FicheFacts:
    """The facts on a fiche that are the same for a class group."""

    administration: AdministrationFacts
    school: SchoolFacts
    target_group_name: str
    class_group: str
    site_name: str | None

    @classmethod
    def of(cls, content: FicheContent) -> "FicheFacts":
        return cls(
            content.administration,
            content.school,
            content.target_group_name,
            content.class_group,
            content.site_name,
        )


FactRow = tuple[tuple[str, str], ...]
"""Labels with their values, on one line."""


def fact_rows(facts: FicheFacts, texts: Texts) -> tuple[FactRow, FactRow]:
    words, administration, school = texts.fiche, facts.administration, facts.school
    place = f"{school.name}, {school.municipality}" if school.municipality else school.name
    tested = texts.period_of(administration.tested_from_on, administration.tested_until_on)
    first = [(words.class_group, facts.class_group), (words.school, place)]
    if facts.site_name:
        first.append((words.site, facts.site_name))
    second = (
        (words.target_group, facts.target_group_name),
        (words.tested, tested),
        (words.school_year, administration.school_year),
    )
    return tuple(first), second


def facts_height(rows: Iterable[FactRow], density: Density) -> float:
    """Return the height of the stacked `fact_blocks`, without making them."""
    return 8 * density.spacing + sum([_row_height(row, density) for row in rows])


def _row_height(row: FactRow, density: Density) -> float:
    size = _VALUE_SIZE * density.type
    cells = zip(row, _FACT_COLUMNS, strict=False)
    tallest = max([_fact(*fact, column, size)[1] for fact, column in cells])
    return tallest + 5 * density.spacing


def fact_blocks(rows: Iterable[FactRow], density: Density) -> Iterator[Block]:
    """Yield blocks to stack; a fact has no height, the space below each row has it all."""
    yield vertical_space(8 * density.spacing)
    for row in rows:
        for (label, value), column in zip(row, _FACT_COLUMNS, strict=False):
            yield _fact(label, value, column, _VALUE_SIZE * density.type)[0]
        yield vertical_space(_row_height(row, density))


@lru_cache(maxsize=16384)  # the number of schools, at each density
def _fact(label: str, value: str, column: _FactColumn, size: float) -> tuple[Block, float]:
    """Return a block without height, and the height of its text."""
    cell = Column(x=column.x)
    label_lines = wrap_text(label, _LABEL_SIZE, column.width)
    lines = cell.place_lines(label_lines, _LABEL_SIZE, SECONDARY_TEXT)
    value_lines = wrap_text(value, size, column.width)
    lines += cell.place_lines(value_lines, size, TEXT, leading=_VALUE_LEADING)
    return Block(0.0, (TaggedContent("LI", lines),)), cell.height


def running_head(content: FicheContent, words: FicheTexts) -> Block:
    """Return the line that identifies the fiche on a further page."""
    student = f"{content.student_name}, {content.class_group}"
    line = f"{words.title} {content.administration.name}: {student}"
    return Block(0.0, (TaggedContent("P", (_foot_line(line, 9),)),))


def foot(document_number: str, version: str, words: FicheTexts, page: int, count: int) -> Block:
    """Return the foot with the document number, the version and the page reference.

    Tagged is only what assistive technology has not read on this fiche yet.
    """
    text = f"{words.document} {document_number}, {words.version} {version}"
    document = _foot_line(text, 13)
    rule = rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE)
    if count == 1:
        return Block(0.0, (rule, TaggedContent("P", (document,))))
    # Never "1 van 2": on this document two numbers side by side would look like a mark.
    is_last = page == count
    reference = f"{words.page if is_last else words.read_on} {min(page + 1, count)}"
    page_line = _foot_line(reference, 13, is_right_aligned=True)
    if is_last:
        return Block(0.0, (rule, TaggedContent("P", (document,)), page_line))
    return Block(0.0, (rule, document, TaggedContent("P", (page_line,))))


def _foot_line(text: str, baseline: float, *, is_right_aligned: bool = False) -> PlacedLine:
    line = typeset_line(text)
    size = min(_FOOT_SIZE, WIDTH / line.width)
    x = WIDTH - line.width * size if is_right_aligned else 0.0
    return PlacedLine(line, x, baseline, size, SECONDARY_TEXT)
