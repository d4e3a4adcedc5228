"""A fiche conforms to PDF/UA-1 and PDF/A-2a: two checkers, and tests of the structure tree."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents.fiche import FicheRenderer
from shared.documents.content import STATUSES, FicheContent, SubjectSection
from tests.worker.contents import READS, SCALE, fiche, fiche_with_signs, outcome, sections
from tests.worker.documents.structure import kids_of, roles_of
from tests.worker.fiche_text import expected_findings
from tests.worker.random_fiches import any_fiche

RENDERER = FicheRenderer()


def _of_two_pages() -> FicheContent:
    long = " ".join([READS] * 25)
    texts = (
        outcome(description=long),
        outcome("LO4-SCH", description=long, name="Schrijven", position=2),
    )
    return fiche(sections=(SubjectSection("nederlands", texts),))


def _of_eight_components() -> FicheContent:
    outcomes = tuple(outcome(f"C{number}", position=number) for number in range(8))
    return fiche(sections=(SubjectSection("wiskunde", outcomes),))


def _of_status(status: str) -> FicheContent:
    return fiche(sections=(SubjectSection("wiskunde", (outcome(code=None, status=status),)),))


KINDS = {
    "ordinary": fiche(),
    "without a site": fiche(site_name=None),
    "two pages": _of_two_pages(),
    "eight components": _of_eight_components(),
    "Greek": fiche(given_name="Οδυσσέας"),
    "signs": fiche_with_signs(),
    "marks": fiche(given_name="x\u0302\u0323y\u0308"),
    **{status: _of_status(status) for status in STATUSES[1:]},
    **{f"seed {seed}": any_fiche(seed) for seed in range(30)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_two_checkers_and_qpdf_find_no_errors(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "fiche.pdf"
    content = KINDS[kind]
    path.write_bytes(RENDERER.render(content).data)
    report = outloud.check(str(path))
    assert report.error is None
    assert {found.rule for found in report.sorted_findings()} <= expected_findings(content)
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


def test_the_structure_tree_is_in_reading_order() -> None:
    content = fiche(sections=sections()[:1])
    with pikepdf.open(BytesIO(RENDERER.render(content).data)) as pdf:
        roles = roles_of(pdf.Root.StructTreeRoot.K)
    facts = ["P", "L", *["LI", "LBody"] * 6]
    components = ["H2", "H3", "P", "Figure", "P", "H3", "P", "P", "P"]
    guide = ["H2", *["H3", "P"] * 4]
    levels = ["H2", "P", "H2", "H3", "L", *["LI", "LBody"] * 5]
    questions = ["H2", "L", *["LI", "LBody"] * 3, "H2", "P"]
    front = ["Document", "H1", *facts, "P", *components, *guide]
    assert roles == [*front, *levels, *questions]


def test_the_name_is_part_of_the_heading() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche()).data)) as pdf:
        heading = pdf.Root.StructTreeRoot.K.K[0]
        assert heading.S == "/H1"
        assert list(map(int, heading.K)) == [0, 1]
        page = pdf.pages[0]
        drawn = [
            int(one.operands[1].MCID)
            for one in pikepdf.parse_content_stream(page)
            if str(one.operator) == "BDC" and str(one.operands[0]) == "/H1"
        ]
        assert drawn == [0, 1]


def test_running_heads_and_feet_are_artifacts_of_pagination() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(_of_eight_components()).data)) as pdf:
        places = [
            [
                (str(one.operands[1].Type), str(one.operands[1].Subtype))
                for one in pikepdf.parse_content_stream(page)
                if str(one.operator) == "BDC" and str(one.operands[0]) == "/Artifact"
            ]
            for page in pdf.pages
        ]
    foot = ("/Pagination", "/Footer")
    assert places == [[foot], *[[("/Pagination", "/Header"), foot]] * 2]


def test_a_scale_is_described_in_sentences() -> None:
    marked = tuple(replace(level, attains_basic_literacy=level.ordinal > 1) for level in SCALE)
    section = SubjectSection("nederlands", (outcome(scale=marked),))
    with pikepdf.open(BytesIO(RENDERER.render(fiche(sections=(section,))).data)) as pdf:
        figures = [kid for kid in pdf.Root.StructTreeRoot.K.K if kid.S == "/Figure"]
        assert str(figures[0].Alt) == (
            "De schaal gaat van laag naar hoog: E, D, C, B, A. De leerling haalt Niveau C."
            " Basisgeletterdheid begint bij D."
        )
        left, bottom, right, top = (float(edge) for edge in figures[0].A.BBox)
        assert 50 < left < right < 545
        assert 400 < bottom < top < 600


def _content_numbers(element: pikepdf.Object) -> list[tuple[int, int]]:
    """Return page and MCID of all marked content below an element, in reading order."""
    found: list[tuple[int, int]] = []
    for kid in kids_of(element):
        if isinstance(kid, pikepdf.Dictionary):
            found += _content_numbers(kid)
        else:
            found.append((element.Pg.objgen[0], int(str(kid))))
    return found


@pytest.mark.parametrize("kind", ["ordinary", "two pages"])
def test_marked_content_and_structure_elements_refer_to_each_other(kind: str) -> None:
    with pikepdf.open(BytesIO(RENDERER.render(KINDS[kind]).data)) as pdf:
        tree = pdf.Root.StructTreeRoot
        flat = list(tree.ParentTree.Nums)
        parents = {int(key): array for key, array in zip(flat[::2], flat[1::2], strict=True)}
        drawn = []
        for page in pdf.pages:
            numbers = []
            for instruction in pikepdf.parse_content_stream(page):
                operands = instruction.operands
                if str(instruction.operator) == "BDC" and "/MCID" in operands[1]:
                    numbers.append(int(operands[1].MCID))
            elements = list(parents[int(page.obj.StructParents)])
            assert numbers == list(range(len(elements)))
            assert all(
                (page.obj.objgen[0], place) in _content_numbers(element)
                for place, element in enumerate(elements)
            )
            drawn += [(page.obj.objgen[0], number) for number in numbers]
        assert _content_numbers(tree.K) == drawn


def test_fonts_are_embedded_with_a_to_unicode_map() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche(given_name="Тетяна")).data)) as pdf:
        fonts = pdf.pages[0].Resources.Font
        assert set(fonts.keys()) == {"/R", "/B", "/BX"}
        for font in fonts.values():
            descendant = font.DescendantFonts[0]
            assert "/FontFile2" in descendant.FontDescriptor
            assert str(font.BaseFont) == str(descendant.BaseFont)
            cmap = font.ToUnicode.read_bytes()
            assert b"beginbfchar" in cmap
            assert b"bfrange" not in cmap


def test_metadata_claims_conformance_to_pdf_ua_and_pdf_a() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche()).data)) as pdf, pdf.open_metadata() as meta:
        assert meta.pdfa_status == "2A"
        assert meta["pdfuaid:part"] == "1"
        assert meta["dc:title"] == "Feedbackfiche Vlaamse toetsen 2024"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "nl-BE"
        assert all(page.obj.Tabs == "/S" for page in pdf.pages)
