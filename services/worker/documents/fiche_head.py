"""The head, the running head and the foot of a fiche as blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    HAIRLINE,
    LABEL_SIZE,
    SECONDARY_TEXT,
    TEXT,
    WIDTH,
    Density,
)
from services.worker.layout.blocks import (
    LEADING,
    Block,
    Column,
    PageArtifact,
    PlacedLine,
    TaggedContent,
    rectangle,
    stack_blocks,
    vertical_space,
)
from services.worker.layout.typesetting import typeset_line, wrap_balanced, wrap_text
from shared.documents.content import (
    AdministrationFacts,
    FicheContent,
    SchoolFacts,
    SubjectSection,
)
from shared.documents.fiche_texts import FicheTexts
from shared.documents.texts import Texts


class _FactColumn(NamedTuple):
    x: float
    width: float


_FACT_COLUMNS = (
    _FactColumn(0.0, 152.0),
    _FactColumn(164.0, 190.0),
    _FactColumn(366.0, 117.0),
)
_VALUE_LEADING = 1.22
_MAX_NAME_LINES = 2
_MIN_NAME_SIZE = 12.0
_GAP = 12.0  # between two texts on one line
NUMBERS_HEIGHT = LABEL_SIZE * LEADING
MAX_SHORT_LINE = 44
"""Letters of a line that fits the width at any size of a running head or of the numbers."""


def head(content: FicheContent, texts: Texts, density: Density) -> Block:
    """Return the title, the student, the facts and the introduction."""
    return stack_blocks(
        (
            title(texts.fiche, content.administration),
            student_name(content.student_name),
            numbers(numbers_text(content, texts.fiche)),
            *fact_blocks(fact_rows(FicheFacts.of(content), texts), density),
            introduction(introduction_text(content.sections, texts.fiche), density),
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
    """Return the name, which belongs to the heading."""
    size = 25.0
    lines = wrap_text(name, size, WIDTH, bold=True)
    while len(lines) > _MAX_NAME_LINES and size > _MIN_NAME_SIZE:
        size -= 1.0
        lines = wrap_text(name, size, WIDTH, bold=True)
    column = Column()
    column.add_lines("H1", lines, size, TEXT, leading=1.2)
    return column.to_block()


def numbers_text(content: FicheContent, words: FicheTexts) -> str:
    """Return the numbers that distinguish students of one name."""
    number = f"{words.document} {content.document_number}"
    return f"{words.stamnummer} {content.stamnummer} · {number}" if content.stamnummer else number


def numbers(text: str) -> Block:
    column = Column()
    line = typeset_line(text)
    size = min(LABEL_SIZE, WIDTH / line.width)
    (placed,) = column.place_lines((line,), size, SECONDARY_TEXT)
    return Block(NUMBERS_HEIGHT, (TaggedContent("P", (placed,)),))


def introduction_text(sections: Sequence[SubjectSection], words: FicheTexts) -> str:
    if any(outcome.level for section in sections for outcome in section.outcomes):
        return words.introduction
    return words.introduction_without_level


@lru_cache(maxsize=16)
def introduction(text: str, density: Density) -> Block:
    column = Column()
    column.add_space(9 * density.spacing)
    size = BODY_SIZE * density.type
    column.add_lines("P", wrap_balanced(text, size, WIDTH), size, TEXT)
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
    size = BODY_SIZE * density.type
    cells = zip(row, _FACT_COLUMNS, strict=False)
    tallest = max([_fact(*fact, column, size)[1] for fact, column in cells])
    return tallest + 5 * density.spacing


def fact_blocks(rows: Iterable[FactRow], density: Density) -> Iterator[Block]:
    """Yield blocks to stack; a fact has no height, the space below each row has it all."""
    yield vertical_space(8 * density.spacing)
    for row in rows:
        for (label, value), column in zip(row, _FACT_COLUMNS, strict=False):
            yield _fact(label, value, column, BODY_SIZE * density.type)[0]
        yield vertical_space(_row_height(row, density))


@lru_cache(maxsize=16384)  # the number of schools, at each density
def _fact(label: str, value: str, column: _FactColumn, size: float) -> tuple[Block, float]:
    """Return a block without height, and the height of its text."""
    cell = Column(x=column.x)
    label_lines = wrap_text(label, LABEL_SIZE, column.width)
    lines = cell.place_lines(label_lines, LABEL_SIZE, SECONDARY_TEXT)
    value_lines = wrap_text(value, size, column.width)
    lines += cell.place_lines(value_lines, size, TEXT, leading=_VALUE_LEADING)
    return Block(0.0, (TaggedContent("LI", lines),)), cell.height


def running_head_text(content: FicheContent, words: FicheTexts) -> str:
    """Return what identifies the fiche on a further page."""
    student = f"{content.student_name}, {content.class_group}"
    return f"{student} · {words.document} {content.document_number}"


def running_head(text: str) -> Block:
    line = typeset_line(text, bold=True)
    placed = PlacedLine(line, 0.0, 9, min(GUIDE_SIZE, WIDTH / line.width), SECONDARY_TEXT)
    return Block(0.0, (PageArtifact("Header", (placed,)),))


class FootTexts(Protocol):
    """The texts of a foot."""

    @property
    def version(self) -> str: ...

    @property
    def page(self) -> str: ...

    @property
    def read_on(self) -> str: ...


@lru_cache(maxsize=256)
def foot(version: str, words: FootTexts, page: int, count: int) -> Block:
    """Return the foot with the version and the page reference."""
    rule = rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE)
    # Never "1 van 2": on this document two numbers side by side would look like a mark.
    reference = f"{words.page if page == count else words.read_on} {min(page + 1, count)}"
    page_line = [_line(reference, WIDTH / 2, 13, is_right=True)] if count > 1 else []
    version_line = _line(f"{words.version} {version}", WIDTH / 2 - _GAP, 13)
    return Block(0.0, (PageArtifact("Footer", (rule, version_line, *page_line)),))


def _line(text: str, room: float, baseline: float, *, is_right: bool = False) -> PlacedLine:
    """Place a small line at the left or the right edge, in smaller type if it is longer."""
    line = typeset_line(text)
    size = min(LABEL_SIZE, room / line.width)
    x = WIDTH - line.width * size if is_right else 0.0
    return PlacedLine(line, x, baseline, size, SECONDARY_TEXT)
