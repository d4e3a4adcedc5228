"""The texts of a fiche in reading order, for peers to lay out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from unicodedata import normalize

import pypdfium2

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
class FicheWords:
    """The texts of a fiche; `facts` and `sections` are in reading order."""

    title: str
    subject: str
    name: str
    facts: tuple[tuple[tuple[str, str], ...], ...]
    sections: tuple[tuple[str, tuple[ComponentWords, ...]], ...]
    foot: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def fiche_words(content: FicheContent) -> FicheWords:
    administration, school = content.administration, content.school
    tested = DUTCH.period_of(administration.tested_from_on, administration.tested_until_on)
    number = f"{WORDS.document} {content.document_number}"
    return FicheWords(
        title=f"{WORDS.title} {administration.name}",
        subject=number,
        name=f"{content.given_name} {content.family_name}",
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
        foot=f"{number}, {WORDS.version} {template_version(DUTCH)}",
    )


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
    """Check that every peer renders the same words on one page, so that none saves time."""
    words_by_name = {name: _words_of(make(content)) for name, make in makers.items()}
    for name, words in words_by_name.items():
        if words != words_by_name["ours"]:
            missing, added = words_by_name["ours"] - words, words - words_by_name["ours"]
            raise ValueError(f"the fiche of {name} differs: lacks {missing}, adds {added}")


def _words_of(pdf: bytes) -> Counter[str]:
    document = pypdfium2.PdfDocument(pdf)
    (page,) = document
    text = page.get_textpage().get_text_range()
    document.close()
    return Counter(normalize("NFKC", text).split())
