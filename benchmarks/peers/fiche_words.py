"""The texts of a fiche in reading order, for peers to lay out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from unicodedata import normalize

import pypdfium2

from services.worker.documents.fiche_back import viewing_text
from services.worker.documents.fiche_pages import template_version
from shared.documents.content import ComponentOutcome, FicheContent
from shared.documents.texts import DUTCH

WORDS = DUTCH.fiche


@dataclass(frozen=True, slots=True)
class ComponentWords:
    """A component; `reached` is the index of the level on `scale`, None without a level."""

    name: str
    level: str
    explanation: str
    scale: tuple[str, ...]
    reached: int | None


@dataclass(frozen=True, slots=True)
class LevelWords:
    """A level on the back: what it is to the student, its code, and what a student can do."""

    tag: str
    code: str
    text: str


ComponentLevels = tuple[str, tuple[LevelWords, ...]]
"""The name of a component, and its levels."""


@dataclass(frozen=True, slots=True)
class FicheWords:
    """The texts of a fiche with at least one level; all are in reading order."""

    title: str
    subject: str
    name: str
    numbers: str
    facts: tuple[tuple[tuple[str, str], ...], ...]
    sections: tuple[tuple[str, tuple[ComponentWords, ...]], ...]
    levels: tuple[tuple[str, tuple[ComponentLevels, ...]], ...]
    viewing: str
    head: str
    feet: tuple[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def fiche_words(content: FicheContent) -> FicheWords:
    administration, school = content.administration, content.school
    tested = DUTCH.period_of(administration.tested_from_on, administration.tested_until_on)
    number = f"{WORDS.document} {content.document_number}"
    version = f"{WORDS.version} {template_version(DUTCH)}"
    return FicheWords(
        title=f"{WORDS.title} {administration.name}",
        subject=number,
        name=content.student_name,
        numbers=f"{WORDS.stamnummer} {content.stamnummer} · {number}",
        facts=(
            (
                (WORDS.class_group, content.class_group),
                (WORDS.school, f"{school.name}, {school.municipality}"),
                (WORDS.site, content.site_name or ""),
            ),
            (
                (WORDS.target_group, content.target_group_name),
                (WORDS.tested, tested),
                (WORDS.school_year, administration.school_year),
            ),
        ),
        sections=tuple(
            (DUTCH.subject(section.subject), tuple(map(_component_words, section.outcomes)))
            for section in content.sections
        ),
        levels=tuple(_section_levels(content)),
        viewing=viewing_text(content.viewing_periods or (), DUTCH),
        head=f"{content.student_name}, {content.class_group} · {number}",
        feet=(f"{version} {WORDS.read_on} 2", f"{version} {WORDS.page} 2"),
    )


def _section_levels(
    content: FicheContent,
) -> Iterator[tuple[str, tuple[ComponentLevels, ...]]]:
    for section in content.sections:
        found = tuple(
            (outcome.name, tuple(_levels(outcome))) for outcome in section.outcomes if outcome.level
        )
        if found:
            yield DUTCH.subject(section.subject), found


def _levels(outcome: ComponentOutcome) -> Iterator[LevelWords]:
    tag = ""
    for level, text in zip(outcome.scale, outcome.descriptions, strict=True):
        is_next = tag == WORDS.levels.reached
        tag = WORDS.levels.next_step if is_next else ""
        if level == outcome.level:
            is_highest = level == outcome.scale[-1]
            tag = WORDS.levels.reached_highest if is_highest else WORDS.levels.reached
        yield LevelWords(tag, level.code, text or level.label)


def _component_words(outcome: ComponentOutcome) -> ComponentWords:
    codes = tuple(level.code for level in outcome.scale)
    if outcome.level is None:
        status = DUTCH.statuses[outcome.status]
        return ComponentWords(outcome.name, status.name, status.for_parents, codes, None)
    reached = outcome.scale.index(outcome.level)
    return ComponentWords(
        outcome.name, outcome.level.label, outcome.description or "", codes, reached
    )


def guide_rows() -> Iterator[tuple[tuple[str, str], ...]]:
    """Yield the reading guide, with two pieces of advice per row."""
    for start in range(0, len(WORDS.guide), 2):
        yield tuple((advice.lead, advice.text) for advice in WORDS.guide[start : start + 2])


def require_same_words(
    content: FicheContent, makers: Mapping[str, Callable[[FicheContent], bytes]]
) -> None:
    """Check that every peer renders the same words on two pages, so that none saves time."""
    words_by_name = {name: _words_of(make(content)) for name, make in makers.items()}
    for name, words in words_by_name.items():
        if words != words_by_name["ours"]:
            missing, added = words_by_name["ours"] - words, words - words_by_name["ours"]
            raise ValueError(f"the fiche of {name} differs: lacks {missing}, adds {added}")


def _words_of(pdf: bytes) -> Counter[str]:
    document = pypdfium2.PdfDocument(pdf)
    first, second = document
    text = " ".join(page.get_textpage().get_text_range() for page in (first, second))
    document.close()
    return Counter(normalize("NFKC", text).split())
