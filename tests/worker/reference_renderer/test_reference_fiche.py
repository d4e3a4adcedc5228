"""The text and the file of the fiche: in order, nothing like a mark, the same bytes each time."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest

from services.worker.documents.fiche_pages import (
    FICHE_TEMPLATE_VERSION,
    template_version,
)
from services.worker.layout.fonts import UndrawableTextError
from shared.core.drawable_text import normalize_text
from shared.documents.content import STATUSES, SubjectSection, fiche_outcomes
from shared.documents.texts import DUTCH
from tests.worker.contents import (
    NASTY_NAMES,
    READS,
    fiche,
    outcome,
    page_texts,
)
from tests.worker.fiche_text import require_text
from tests.worker.reference_renderer.fiche import draw_fiche

ROOT = Path(__file__).parents[3]
LONG = " ".join([READS] * 25)


def test_the_text_is_the_content_in_order_and_nothing_else() -> None:
    content = fiche()
    require_text(content, page_texts(draw_fiche(content)))


def test_a_fiche_without_a_site_and_a_stamnummer_has_no_labels_for_them() -> None:
    content = fiche(site_name=None, stamnummer=None)
    pages = page_texts(draw_fiche(content))
    require_text(content, pages)
    assert DUTCH.fiche.site not in pages[0]
    assert DUTCH.fiche.stamnummer not in pages[0]


@pytest.mark.parametrize("status", STATUSES[1:])
def test_a_component_without_a_level_has_an_explanation_of_its_status(status: str) -> None:
    content = fiche(sections=(SubjectSection("wiskunde", (outcome(code=None, status=status),)),))
    text = page_texts(draw_fiche(content))[0]
    assert DUTCH.statuses[status].for_parents in text
    assert not re.search(r"Niveau [A-E]", text)


def test_no_text_looks_like_a_score_a_percentage_or_a_rank() -> None:
    pages = page_texts(draw_fiche(fiche()))
    long = outcome(description=LONG)
    pages += page_texts(draw_fiche(fiche(sections=(SubjectSection("nederlands", (long,)),))))
    pattern = r"%|procent|\d\s*/\s*\d|\d+\s+(op|van|punten)\b|\d[.,]\d|gemiddeld|rang"
    assert not [found for page in pages for found in re.findall(pattern, page, re.IGNORECASE)]


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_any_name_is_extracted_intact(name: str) -> None:
    text = page_texts(draw_fiche(fiche(given_name=name, family_name="Peeters")))[0]
    assert f"{normalize_text(name)}Peeters".replace(" ", "") in text.replace(" ", "")


def test_an_undrawable_letter_is_reported_without_the_name() -> None:
    with pytest.raises(UndrawableTextError) as caught:
        draw_fiche(fiche(given_name="Mei 美麗", family_name="Wang王"))
    error = caught.value
    assert error.fields == ("given_name", "family_name")
    assert error.code_points == ("U+738B", "U+7F8E", "U+9E97")
    assert "U+738B, U+7F8E, U+9E97 in given_name, family_name" in str(error)
    assert not any(part in str(error) for part in ("Mei", "美", "麗", "Wang", "王"))


def test_an_undrawable_letter_in_a_description_is_reported_with_the_component() -> None:
    broken = outcome(description="Leest 漢字.")
    with pytest.raises(UndrawableTextError) as caught:
        draw_fiche(fiche(sections=(SubjectSection("nederlands", (broken,)),)))
    assert caught.value.fields == ("LO4-LEZ.description",)


def test_the_same_content_gives_the_same_bytes_in_any_order_and_thread() -> None:
    contents = [fiche(given_name=name) for name in ("Žofie", "Тетяна", "Trần", "Noor")]
    first = [draw_fiche(content) for content in contents]
    assert [draw_fiche(content) for content in reversed(contents)] == first[::-1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw_fiche, contents * 3)) == first * 3


def test_the_same_content_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from hashlib import sha256; from tests.worker.contents import fiche, overview;"
        "from services.worker.documents.overview import render_overview;"
        "from tests.worker.reference_renderer.fiche import draw_fiche;"
        "print(sha256(draw_fiche(fiche()) + render_overview(overview())).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/Lima"))
    }
    assert len(digests) == 1


def test_a_changed_drawing_needs_a_new_template_version() -> None:
    """Update both together: only the version marks existing fiches as stale."""
    with pikepdf.open(BytesIO(draw_fiche(fiche()))) as pdf:
        pages = b"".join(page.Contents.read_bytes() for page in pdf.pages)
        drawn = sha256(pages).hexdigest()[:16]
    assert (FICHE_TEMPLATE_VERSION, drawn) == ("fiche-7.nl-3", "0132bd626c9aca6a")


def test_other_texts_have_another_template_version() -> None:
    french = replace(DUTCH, version="fr-1", language="fr-BE")
    assert template_version(french) == "fiche-7.fr-1"
    with pikepdf.open(BytesIO(draw_fiche(fiche(), french))) as pdf:
        assert str(pdf.Root.Lang) == "fr-BE"
    assert "versie fiche-7.fr-1" in page_texts(draw_fiche(fiche(), french))[0]


def test_every_font_is_embedded_with_its_letters() -> None:
    with pikepdf.open(BytesIO(draw_fiche(fiche(given_name="Тетяна")))) as pdf:
        fonts = list(pdf.pages[0].Resources.Font.values())
        assert {str(font.BaseFont).split("+")[-1] for font in fonts} == {
            "FiraSans-Regular",
            "FiraSans-Bold",
        }
        assert all("/FontFile2" in font.FontDescriptor and "/ToUnicode" in font for font in fonts)


def test_the_file_is_valid_and_small_and_has_a_title_and_a_language() -> None:
    drawn = draw_fiche(fiche(given_name="Тетяна"))
    assert len(drawn) < 60 * 1024
    with pikepdf.open(BytesIO(drawn)) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert str(pdf.Root.Lang) == "nl-BE"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert str(pdf.docinfo["/Title"]) == "Feedbackfiche Vlaamse toetsen 2024"
        assert not any("Jacobs" in str(value) for value in pdf.docinfo.values())


def test_outcomes_are_in_reading_order() -> None:
    assert [found.component for found in fiche_outcomes(fiche())] == [
        "LO4-LEZ",
        "LO4-SCH",
        "LO4-WIS",
        "LO4-GET",
    ]
