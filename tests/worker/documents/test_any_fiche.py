"""A fiche of any content has all of it, in order, and nothing that looks like a score.

The environment variable `FICHES` sets the number of contents; `make fuzz` tries ten thousand.
"""

import os
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from unicodedata import normalize

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.fiche_blocks import reading_guide, section_blocks
from services.worker.documents.fiche_head import FicheFacts, fact_rows, head
from services.worker.documents.fiche_pages import (
    ATTEMPTS,
    FIRST_PAGE_HEIGHT,
    FURTHER_PAGE_HEIGHT,
    OverfullFicheError,
    template_version,
)
from services.worker.layout.fonts import UndrawableTextError, font_faces
from shared.core.drawable_text import graphemes, normalize_text
from shared.documents.content import STATUSES, ComponentOutcome, FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH
from tests.worker.contents import page_texts
from tests.worker.random_fiches import TARGET_GROUPS, wild_fiche

FICHES = int(os.environ.get("FICHES", "300"))
PER_TEST, PER_CHECK = 100, 50  # fiches in one test; fiches of which one is checked
MAX_BYTES = 40 * 1024
RENDERER = FicheRenderer()
WORDS = DUTCH.fiche
SCORE = re.compile(
    r"%|procent|\d\s*/\s*\d|\d+\s+(op|van|punten)\b|\d[.,]\d|gemiddeld|rang", re.IGNORECASE
)


def _rendered(content: FicheContent) -> bytes | None:
    """Return None for the two known errors, after checking that they are right."""
    try:
        pdf = RENDERER.render(content).data
    except UndrawableTextError:
        assert _has_undrawable_letter(content)
        return None
    except OverfullFicheError:
        assert _is_overfull(content)
        return None
    assert not _has_undrawable_letter(content)
    return pdf


def _has_undrawable_letter(content: FicheContent) -> bool:
    """Return whether no face covers some letter with all its marks."""
    letters = {
        letter for text in _delivered_texts(content) for letter in graphemes(normalize_text(text))
    }
    return any(
        not any(face.covers(letter) for face in font_faces().regular + font_faces().bold)
        for letter in letters
    )


def _is_overfull(content: FicheContent) -> bool:
    """Return whether no page break lets it fit two pages in the smallest type."""
    density = ATTEMPTS[-1].density
    components = [
        block for part in content.sections for block in section_blocks(part, DUTCH, density)
    ]
    blocks = (head(content, DUTCH, density), *components, reading_guide(WORDS, density))
    heights = [block.height for block in blocks]
    return all(
        sum(heights[:cut]) > FIRST_PAGE_HEIGHT or sum(heights[cut:]) > FURTHER_PAGE_HEIGHT
        for cut in range(1, len(heights) + 1)
    )


def _compact(text: str) -> str:
    """Return the text without white space, which depends on line breaks, and without ligatures."""
    return "".join(normalize("NFKC", text).split())


def _outcome_texts(outcome: ComponentOutcome) -> Iterator[str]:
    if outcome.level:
        yield from (outcome.name, outcome.level.label)
        yield from (level.code for level in outcome.scale)
        yield from (WORDS.lowest, WORDS.highest, outcome.description or "")
    else:
        status = DUTCH.statuses[outcome.status]
        yield from (outcome.name, status.name, WORDS.no_level, status.for_parents)


def _body_texts(content: FicheContent) -> Iterator[str]:
    """Yield all texts in reading order, except running heads and feet."""
    yield f"{WORDS.title} {content.administration.name}"
    yield f"{content.given_name} {content.family_name}"
    for row in fact_rows(FicheFacts.of(content), DUTCH):
        for fact in row:
            yield from fact
    yield WORDS.introduction
    for section in content.sections:
        yield DUTCH.subject(section.subject)
        for outcome in section.outcomes:
            yield from _outcome_texts(outcome)
    yield WORDS.guide_title
    for advice in (*WORDS.guide, WORDS.for_the_school):
        yield from (advice.lead, advice.text)


def _without_head_and_foot(content: FicheContent, page: str, number: int, count: int) -> str:
    student = f"{content.given_name} {content.family_name}, {content.class_group}"
    top = f"{WORDS.title} {content.administration.name}: {student}" if number > 1 else ""
    foot = f"{WORDS.document} {content.document_number}, {WORDS.version} {template_version(DUTCH)}"
    if count > 1:
        foot += f"{WORDS.page} 2" if number == count else f"{WORDS.read_on} 2"
    top, foot, page = _compact(normalize_text(top)), _compact(normalize_text(foot)), _compact(page)
    assert page.startswith(top)
    assert page.endswith(foot)
    return page[len(top) : len(page) - len(foot)]


def _delivered_texts(content: FicheContent) -> Iterator[str]:
    yield from (content.given_name, content.family_name, content.class_group)
    yield from (content.school.name, content.site_name or "", content.target_group_name)
    yield from (content.administration.name, content.document_number)
    for outcome in fiche_outcomes(content):
        yield from (outcome.name, outcome.description or "")
        for level in outcome.scale:
            yield from (level.code, level.label)


def _own_text(content: FicheContent, pages: list[str]) -> str:
    """Return the text with a dot for each delivered word."""
    delivered = {
        word for text in _delivered_texts(content) for word in normalize_text(text).split()
    }
    return " ".join("·" if word in delivered else word for word in " ".join(pages).split())


@pytest.mark.parametrize("first", range(0, FICHES, PER_TEST))
def test_it_has_its_content_in_order_and_no_score(first: int) -> None:
    seen: set[str] = set()
    for seed in range(first, first + PER_TEST):
        content = wild_fiche(seed)
        pdf = _rendered(content)
        if pdf is None:
            continue
        seen |= {content.target_group_name, *(one.status for one in fiche_outcomes(content))}
        assert len(pdf) <= MAX_BYTES, seed
        pages = page_texts(pdf)
        numbered = enumerate(pages, start=1)
        read = "".join(
            _without_head_and_foot(content, page, at, len(pages)) for at, page in numbered
        )
        assert read == _compact("".join(map(normalize_text, _body_texts(content)))), seed
        assert not SCORE.search(_own_text(content, pages)), seed
        with pikepdf.open(BytesIO(pdf)) as opened:
            assert opened.check_pdf_syntax() == [], seed
    assert seen == {*STATUSES, *TARGET_GROUPS}


@pytest.mark.parametrize("seed", range(0, FICHES, PER_CHECK))
def test_two_checkers_find_no_errors(seed: int, tmp_path: Path) -> None:
    drawable = (wild_fiche(seed + more) for more in range(PER_CHECK))
    content, pdf = next((one, pdf) for one in drawable if (pdf := _rendered(one)))
    path = tmp_path / "fiche.pdf"
    path.write_bytes(pdf)
    report = outloud.check(str(path))
    # A name that looks like a URL is not a link.
    expected = {"LNK-010"} if "http:" in content.given_name + content.family_name else set()
    assert report.error is None
    assert {found.rule for found in report.sorted_findings()} <= expected
    assert pdfua.validate(str(path)).findings == ()
