"""A fiche of any content has all of it, in order, and nothing that looks like a score.

The environment variable `FICHES` sets the number of contents; `make fuzz` tries ten thousand.
"""

import os
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.fiche_back import back_flow
from services.worker.documents.fiche_blocks import front_flow
from services.worker.documents.fiche_head import head
from services.worker.documents.fiche_pages import (
    FURTHER_PAGE_HEIGHT,
    MAX_PAGES,
    OVERFLOW,
    OverfullFicheError,
)
from services.worker.layout.fonts import UndrawableTextError, font_faces
from shared.core.drawable_text import graphemes, normalize_text
from shared.documents.content import STATUSES, FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH
from tests.worker.contents import page_texts
from tests.worker.fiche_text import expected_findings, require_text
from tests.worker.random_fiches import TARGET_GROUPS, wild_fiche

FICHES = int(os.environ.get("FICHES", "200"))
PER_TEST, PER_CHECK = 100, 50  # fiches in one test; fiches of which one is checked
MAX_BYTES = 60 * 1024
RENDERER = FicheRenderer()
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
    """Return whether the fiche has more text than fits on its pages at the tightest."""
    front = [head(content, DUTCH, OVERFLOW)]
    front += [one.block for one in front_flow(content.sections, DUTCH, OVERFLOW)]
    back = [
        one.block for one in back_flow(content.sections, content.viewing_periods, DUTCH, OVERFLOW)
    ]
    tallest = max(block.height for block in (*front, *back))
    total = sum(block.height for block in (*front, *back))
    return tallest > FURTHER_PAGE_HEIGHT or total > (MAX_PAGES - 2) * FURTHER_PAGE_HEIGHT


def _delivered_texts(content: FicheContent) -> Iterator[str]:
    yield from (content.given_name, content.family_name, content.class_group)
    yield from (content.school.name, content.site_name or "", content.target_group_name)
    yield from (content.administration.name, content.document_number, content.stamnummer or "")
    for outcome in fiche_outcomes(content):
        yield outcome.name
        yield from filter(None, outcome.descriptions)
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
        require_text(content, pages)
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
    assert report.error is None
    assert {found.rule for found in report.sorted_findings()} <= expected_findings(content)
    assert pdfua.validate(str(path)).findings == ()
