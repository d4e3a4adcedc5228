"""A reading guide is accessible, fits on a sheet, and has its texts and no student."""

import re
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents.reading_guide import (
    READING_GUIDE_VERSION,
    OverfullGuideError,
    render_reading_guide,
)
from shared.documents.reading_guides.guide_texts import GuideTexts
from shared.documents.reading_guides.languages.dutch import DUTCH_GUIDE
from shared.documents.reading_guides.languages.french import FRENCH
from shared.documents.reading_guides.texts import GUIDE_TEXTS
from tests.worker.contents import page_texts
from tests.worker.documents.structure import roles_of
from tests.worker.guide_text import require_guide_text

MAX_BYTES = 60 * 1024
every_language = pytest.mark.parametrize("texts", GUIDE_TEXTS, ids=lambda one: one.language)


def opened(texts: GuideTexts) -> pikepdf.Pdf:
    return pikepdf.open(BytesIO(render_reading_guide(texts).data))


@every_language
def test_two_checkers_and_qpdf_find_no_errors(texts: GuideTexts, tmp_path: Path) -> None:
    path = tmp_path / "guide.pdf"
    path.write_bytes(render_reading_guide(texts).data)
    report = outloud.check(str(path))
    assert report.error is None
    assert [found.rule for found in report.sorted_findings()] == []
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@every_language
def test_a_guide_is_one_small_sheet_with_its_texts_in_reading_order(texts: GuideTexts) -> None:
    data = render_reading_guide(texts).data
    assert len(data) <= MAX_BYTES
    pages = page_texts(data)
    assert len(pages) == 2
    require_guide_text(texts, pages)


@every_language
def test_a_guide_is_in_its_language_and_names_itself(texts: GuideTexts) -> None:
    with opened(texts) as pdf, pdf.open_metadata() as meta:
        assert str(pdf.Root.Lang) == texts.language
        assert meta["dc:language"] == {texts.language}
        assert meta["dc:title"] == texts.title
        assert meta["xmp:CreatorTool"] == READING_GUIDE_VERSION
        assert meta.pdfa_status == "2A"
        assert meta["pdfuaid:part"] == "1"


def spans_of(texts: GuideTexts) -> set[str]:
    """Return the language of each span of marked content."""
    with opened(texts) as pdf:
        return {
            str(one.operands[1].Lang)
            for page in pdf.pages
            for one in pikepdf.parse_content_stream(page)
            if str(one.operator) == "BDC" and "/Lang" in one.operands[1]
        }


def test_dutch_words_in_a_guide_are_marked_as_dutch() -> None:
    assert spans_of(FRENCH) == {"nl-BE"}
    with opened(FRENCH) as pdf:
        dutch = 0
        for page in pdf.pages:
            for one in pikepdf.parse_content_stream(page):
                dutch += str(one.operator) == "BDC" and "/Lang" in one.operands[1]
    # Headings of the pictures, words of places and statuses, questions.
    assert dutch > 30


@every_language
def test_the_structure_tree_is_in_reading_order(texts: GuideTexts) -> None:
    with opened(texts) as pdf:
        roles = roles_of(pdf.Root.StructTreeRoot.K)
    item = ["LI", "LBody"]
    front = ["P", "H1", "P", "H2", "Figure", "L", *item * 8, "H2", "L", *item * 6]
    tips = ["H2", *["H3", "P"] * 4]
    back = ["H2", "Figure", "L", *item * 4, *tips, "H2", "P", "L", *item * 3]
    assert roles == ["Document", *front, *back]


@every_language
def test_pictures_are_described_with_their_numbers(texts: GuideTexts) -> None:
    with opened(texts) as pdf:
        figures = [kid for kid in pdf.Root.StructTreeRoot.K.K if kid.S == "/Figure"]
        numbers = [re.findall(r"\d+", str(figure.Alt)) for figure in figures]
    assert numbers == [["1", "8"], ["9", "12"]]


PRINT_HASHES = """
from hashlib import sha256
from services.worker.documents.reading_guide import render_reading_guide
from shared.documents.reading_guides.texts import GUIDE_TEXTS
for texts in reversed(GUIDE_TEXTS):
    print(texts.language, sha256(render_reading_guide(texts).data).hexdigest())
"""


def test_another_process_renders_the_same_bytes_in_any_order() -> None:
    command = [sys.executable, "-c", PRINT_HASHES]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    there = dict(line.split() for line in done.stdout.splitlines())
    here = {one.language: sha256(render_reading_guide(one).data).hexdigest() for one in GUIDE_TEXTS}
    assert there == here
    assert len(set(here.values())) == len(GUIDE_TEXTS)
    for one in GUIDE_TEXTS:
        assert render_reading_guide(one).sha256.hex() == here[one.language]


def test_texts_that_need_more_than_a_sheet_are_refused() -> None:
    long = replace(DUTCH_GUIDE, introduction=DUTCH_GUIDE.introduction * 20)
    with pytest.raises(OverfullGuideError, match="reading guide nl"):
        render_reading_guide(long)
