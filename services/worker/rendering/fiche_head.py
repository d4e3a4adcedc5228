"""The top and the foot of a fiche as blocks of ink: whose it is, when, where, which document."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.worker.rendering.fiche_blocks import (
    ACCENT,
    HAIRLINE,
    INK,
    QUIET,
    WIDTH,
    Measure,
)
from services.worker.rendering.layout import (
    Block,
    Column,
    Part,
    Words,
    rectangle,
    space,
    stacked,
)
from services.worker.rendering.typesetting import balanced, set_line, wrap
from shared.documents.content import AdministrationFacts, FicheContent, SchoolFacts
from shared.documents.texts import FicheTexts, Texts

_FACT_COLUMNS = ((0.0, 152.0), (164.0, 190.0), (366.0, 117.0))
_LABEL_SIZE, _VALUE_SIZE, _VALUE_LEADING = 9.0, 10.5, 1.22
_LARGEST_NAME_LINES = 2
_SMALLEST_NAME = 12.0
_FURNITURE_SIZE = 9.0


def head(content: FicheContent, texts: Texts, measure: Measure) -> Block:
    """Document title, whose fiche it is, the facts around it, and how to look at what follows."""
    return stacked(
        (
            title(texts.fiche, content.administration),
            name(content.given_name, content.family_name),
            *facts(fact_rows(FicheFacts.of(content), texts), measure),
            introduction(texts.fiche, measure),
        )
    )


@lru_cache(maxsize=64)
def title(words: FicheTexts, administration: AdministrationFacts) -> Block:
    column = Column()
    column.inks.append(rectangle(0, 0, 44, 4.5, fill=ACCENT))
    column.skip(13)
    lines = wrap(f"{words.title} {administration.name}", 13, WIDTH, bold=True)
    column.write("H1", lines, 13, ACCENT)
    column.skip(3)
    return Block(column.height, tuple(column.inks))


def name(given_name: str, family_name: str) -> Block:
    whole = f"{given_name} {family_name}"
    size = 25.0
    lines = wrap(whole, size, WIDTH, bold=True)
    while len(lines) > _LARGEST_NAME_LINES and size > _SMALLEST_NAME:
        size -= 1.0
        lines = wrap(whole, size, WIDTH, bold=True)
    column = Column()
    column.write("P", lines, size, INK, leading=1.2)
    return Block(column.height, tuple(column.inks))


@lru_cache(maxsize=16)
def introduction(words: FicheTexts, measure: Measure) -> Block:
    column = Column()
    column.skip(9 * measure.air)
    size = 10.5 * measure.type
    column.write("P", balanced(words.introduction, size, WIDTH), size, INK)
    return Block(column.height, tuple(column.inks))


@dataclass(frozen=True, slots=True)
class FicheFacts:
    """Where and when: what the pupils of a class have in common."""

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


Facts = tuple[tuple[str, str], ...]
"""Labels with their values, in a row beside each other."""


def fact_rows(content: FicheFacts, texts: Texts) -> tuple[Facts, Facts]:
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


def facts_height(rows: Iterable[Facts], measure: Measure) -> float:
    """Of the facts stacked, sooner than from the facts themselves."""
    return 8 * measure.air + sum([_row_height(row, measure) for row in rows])


def _row_height(row: Facts, measure: Measure) -> float:
    size = _VALUE_SIZE * measure.type
    cells = zip(row, _FACT_COLUMNS, strict=False)
    deepest = max([_fact(*fact, *column, size)[1] for fact, column in cells])
    return deepest + 5 * measure.air


def facts(rows: Iterable[Facts], measure: Measure) -> Iterator[Block]:
    """To be stacked; facts beside each other are without height, what follows them has it."""
    yield space(8 * measure.air)
    for row in rows:
        for (label, value), (x, width) in zip(row, _FACT_COLUMNS, strict=False):
            yield _fact(label, value, x, width, _VALUE_SIZE * measure.type)[0]
        yield space(_row_height(row, measure))


@lru_cache(maxsize=16384)  # as many as there are schools, at each measure
def _fact(label: str, value: str, x: float, width: float, size: float) -> tuple[Block, float]:
    """A block without height, and the height it would have."""
    cell = Column(x=x)
    words = cell.set_lines(wrap(label, _LABEL_SIZE, width), _LABEL_SIZE, QUIET)
    words += cell.set_lines(wrap(value, size, width), size, INK, leading=_VALUE_LEADING)
    return Block(0.0, (Part("LI", words),)), cell.height


def running_head(content: FicheContent, words: FicheTexts) -> Block:
    """Which fiche a further page belongs to, should it come loose."""
    whose = f"{content.given_name} {content.family_name}, {content.class_group}"
    line = f"{words.title} {content.administration.name}: {whose}"
    return Block(0.0, (Part("P", (_furniture(line, 9),)),))


def foot(document_number: str, version: str, words: FicheTexts, number: int, count: int) -> Block:
    """Which document this is and that it goes on; spoken is what was not said, or will not be."""
    which = _furniture(f"{words.document} {document_number}, {words.version} {version}", 13)
    rule = rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE)
    if count == 1:
        return Block(0.0, (rule, Part("P", (which,))))
    # Never "1 van 2": on this document two numbers beside each other would read as a mark.
    turn = words.page if number == count else words.read_on
    onward = _furniture(f"{turn} {min(number + 1, count)}", 13, from_right=True)
    if number == count:
        return Block(0.0, (rule, Part("P", (which,)), onward))
    return Block(0.0, (rule, which, Part("P", (onward,))))


def _furniture(text: str, baseline: float, *, from_right: bool = False) -> Words:
    line = set_line(text)
    size = min(_FURNITURE_SIZE, WIDTH / line.width)
    return Words(line, WIDTH - line.width * size if from_right else 0.0, baseline, size, QUIET)
