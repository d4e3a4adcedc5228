"""Whatever a fiche has to say, it says that, in order, and nothing that reads as a score.

`FICHES` in the environment says how many contents to try; `make fuzz` tries ten thousand.
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

from services.worker.rendering.fiche import (
    ATTEMPTS,
    FIRST_ROOM,
    FURTHER_ROOM,
    OverfullFicheError,
    template_version,
)
from services.worker.rendering.fiche_blocks import guide, section_blocks
from services.worker.rendering.fiche_head import FicheFacts, fact_rows, head
from services.worker.rendering.fonts import UndrawableTextError, faces
from services.worker.rendering.typesetting import graphemes, tidy
from services.worker.stamping.fiche import FicheStamper
from shared.documents.content import STATUSES, ComponentOutcome, FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH
from tests.worker.rendering.conftest import page_texts
from tests.worker.stamping.fiches import TARGET_GROUPS, wild_fiche

FICHES = int(os.environ.get("FICHES", "300"))
A_TEST, A_CHECK = 100, 50  # fiches in one test; of so many one goes to the checkers
MOST_BYTES = 40 * 1024
STAMPER = FicheStamper()
WORDS = DUTCH.fiche
SCORE = re.compile(
    r"%|procent|\d\s*/\s*\d|\d+\s+(op|van|punten)\b|\d[.,]\d|gemiddeld|rang", re.IGNORECASE
)


def _stamped(content: FicheContent) -> bytes | None:
    """None for the two failures that have a name, which must be right."""
    try:
        pdf = STAMPER.stamp(content).data
    except UndrawableTextError:
        assert _has_a_letter_without_face(content)
        return None
    except OverfullFicheError:
        assert _is_longer_than_two_pages(content)
        return None
    assert not _has_a_letter_without_face(content)
    return pdf


def _has_a_letter_without_face(content: FicheContent) -> bool:
    """A letter is drawn with its marks, so one face must have them all."""
    letters = {letter for text in _delivered(content) for letter in graphemes(tidy(text))}
    return any(
        not any(face.has(letter) for face in faces().regular + faces().bold) for letter in letters
    )


def _is_longer_than_two_pages(content: FicheContent) -> bool:
    """In the smallest type, wherever the second page starts."""
    measure, _ = ATTEMPTS[-1]
    components = [
        block for part in content.sections for block in section_blocks(part, DUTCH, measure)
    ]
    blocks = (head(content, DUTCH, measure), *components, guide(WORDS, measure))
    heights = [block.height for block in blocks]
    return all(
        sum(heights[:cut]) > FIRST_ROOM or sum(heights[cut:]) > FURTHER_ROOM
        for cut in range(1, len(heights) + 1)
    )


def _bare(text: str) -> str:
    """Without white space, which depends on where lines end, and with ligatures as letters."""
    return "".join(normalize("NFKC", text).split())


def _said_of(outcome: ComponentOutcome) -> Iterator[str]:
    if outcome.level:
        yield from (outcome.name, outcome.level.label)
        yield from (level.code for level in outcome.scale)
        yield from (WORDS.lowest, WORDS.highest, outcome.description or "")
    else:
        status = DUTCH.statuses[outcome.status]
        yield from (outcome.name, status.name, WORDS.no_level, status.for_parents)


def _said_in(content: FicheContent) -> Iterator[str]:
    """All there is to read, in order, but for what heads and ends pages."""
    yield f"{WORDS.title} {content.administration.name}"
    yield f"{content.given_name} {content.family_name}"
    for row in fact_rows(FicheFacts.of(content), DUTCH):
        for fact in row:
            yield from fact
    yield WORDS.introduction
    for section in content.sections:
        yield DUTCH.subject(section.subject)
        for outcome in section.outcomes:
            yield from _said_of(outcome)
    yield WORDS.guide_title
    for advice in (*WORDS.guide, WORDS.for_the_school):
        yield from (advice.lead, advice.text)


def _without_furniture(content: FicheContent, page: str, number: int, count: int) -> str:
    whose = f"{content.given_name} {content.family_name}, {content.class_group}"
    top = f"{WORDS.title} {content.administration.name}: {whose}" if number > 1 else ""
    foot = f"{WORDS.document} {content.document_number}, {WORDS.version} {template_version(DUTCH)}"
    if count > 1:
        foot += f"{WORDS.page} 2" if number == count else f"{WORDS.read_on} 2"
    top, foot, page = _bare(tidy(top)), _bare(tidy(foot)), _bare(page)
    assert page.startswith(top)
    assert page.endswith(foot)
    return page[len(top) : len(page) - len(foot)]


def _delivered(content: FicheContent) -> Iterator[str]:
    yield from (content.given_name, content.family_name, content.class_group)
    yield from (content.school.name, content.site_name or "", content.target_group_name)
    yield from (content.administration.name, content.document_number)
    for outcome in fiche_outcomes(content):
        yield from (outcome.name, outcome.description or "")
        for level in outcome.scale:
            yield from (level.code, level.label)


def _ours(content: FicheContent, pages: list[str]) -> str:
    """What was not delivered; a dot stands where something was."""
    delivered = {word for text in _delivered(content) for word in tidy(text).split()}
    return " ".join("·" if word in delivered else word for word in " ".join(pages).split())


@pytest.mark.parametrize("first", range(0, FICHES, A_TEST))
def test_it_says_its_content_in_order_and_no_score(first: int) -> None:
    seen: set[str] = set()
    for seed in range(first, first + A_TEST):
        content = wild_fiche(seed)
        pdf = _stamped(content)
        if pdf is None:
            continue
        seen |= {content.target_group_name, *(one.status for one in fiche_outcomes(content))}
        assert len(pdf) <= MOST_BYTES, seed
        pages = page_texts(pdf)
        numbered = enumerate(pages, start=1)
        read = "".join(_without_furniture(content, page, at, len(pages)) for at, page in numbered)
        assert read == _bare("".join(map(tidy, _said_in(content)))), seed
        assert not SCORE.search(_ours(content, pages)), seed
        with pikepdf.open(BytesIO(pdf)) as opened:
            assert opened.check_pdf_syntax() == [], seed
    assert seen == {*STATUSES, *TARGET_GROUPS}


@pytest.mark.parametrize("seed", range(0, FICHES, A_CHECK))
def test_two_checkers_find_nothing_wrong(seed: int, tmp_path: Path) -> None:
    drawable = (wild_fiche(seed + more) for more in range(A_CHECK))
    content, pdf = next((one, pdf) for one in drawable if (pdf := _stamped(one)))
    path = tmp_path / "fiche.pdf"
    path.write_bytes(pdf)
    heard = outloud.check(str(path))
    # A name that looks like an address is not one that should lead anywhere.
    expected = {"LNK-010"} if "http:" in content.given_name + content.family_name else set()
    assert heard.error is None
    assert {found.rule for found in heard.sorted_findings()} <= expected
    assert pdfua.validate(str(path)).findings == ()
