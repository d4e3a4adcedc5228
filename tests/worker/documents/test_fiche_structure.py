"""A fiche conforms to PDF/UA-1: two checkers, and tests of the structure tree."""

from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents.fiche import FicheRenderer
from shared.documents.content import STATUSES, FicheContent, SubjectSection
from tests.worker.contents import READS, fiche, fiche_with_signs, outcome, sections
from tests.worker.random_fiches import any_fiche

RENDERER = FicheRenderer()


def _of_two_pages() -> FicheContent:
    long = " ".join([READS] * 25)
    texts = (
        outcome(description=long),
        outcome("LO4-SCH", description=long, name="Schrijven", position=2),
    )
    return fiche(sections=(SubjectSection("nederlands", texts),))


def _of_status(status: str) -> FicheContent:
    return fiche(sections=(SubjectSection("wiskunde", (outcome(code=None, status=status),)),))


KINDS = {
    "ordinary": fiche(),
    "without a site": fiche(site_name=None),
    "two pages": _of_two_pages(),
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
    # A name that looks like a URL is not a link.
    expected = {"LNK-010"} if "http:" in content.given_name + content.family_name else set()
    assert {found.rule for found in report.sorted_findings()} <= expected
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


def _roles(element: pikepdf.Object) -> list[str]:
    kids = element.get("/K")
    below = list(kids) if isinstance(kids, pikepdf.Array) else [kids]
    return [
        str(element.S)[1:],
        *(role for kid in below if isinstance(kid, pikepdf.Dictionary) for role in _roles(kid)),
    ]


def test_the_structure_tree_is_in_reading_order() -> None:
    content = fiche(sections=sections()[:1])
    with pikepdf.open(BytesIO(RENDERER.render(content).data)) as pdf:
        roles = _roles(pdf.Root.StructTreeRoot.K)
    facts = ["L", *["LI", "LBody"] * 6]
    components = ["H2", "H3", "P", "Figure", "P", "H3", "P", "P", "P"]
    guide = ["H2", *["H3", "P"] * 4, "H2", "P"]
    assert roles == ["Document", "H1", "P", *facts, "P", *components, *guide, "P"]


def test_a_scale_has_an_alternate_description() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche()).data)) as pdf:
        figures = [kid for kid in pdf.Root.StructTreeRoot.K.K if kid.S == "/Figure"]
        expected = "E (laagste niveau), D, C, B, A (hoogste niveau): Niveau C"
        assert str(figures[0].Alt) == expected
        left, bottom, right, top = (float(edge) for edge in figures[0].A.BBox)
        assert 50 < left < right < 545
        assert 500 < bottom < top < 600


def _content_numbers(element: pikepdf.Object) -> list[tuple[int, int]]:
    """Return page and MCID of all marked content below an element, in reading order."""
    kids = element.get("/K")
    if isinstance(kids, pikepdf.Array):
        return [found for kid in kids for found in _content_numbers(kid)]
    if isinstance(kids, pikepdf.Dictionary):
        return _content_numbers(kids)
    return [(element.Pg.objgen[0], int(str(kids)))]


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
            assert all(int(element.K) == place for place, element in enumerate(elements))
            drawn += [(page.obj.objgen[0], number) for number in numbers]
        assert _content_numbers(tree.K) == drawn


def test_fonts_are_embedded_with_a_to_unicode_map() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche(given_name="Тетяна")).data)) as pdf:
        fonts = pdf.pages[0].Resources.Font
        assert set(fonts.keys()) == {"/R", "/B", "/WX"}
        for font in fonts.values():
            descendant = font.DescendantFonts[0]
            assert "/FontFile2" in descendant.FontDescriptor
            assert str(font.BaseFont) == str(descendant.BaseFont)
            assert b"<" in font.ToUnicode.read_bytes()


def test_metadata_claims_conformance_to_pdf_ua() -> None:
    with pikepdf.open(BytesIO(RENDERER.render(fiche()).data)) as pdf, pdf.open_metadata() as meta:
        assert meta.pdfa_status == ""
        assert meta["pdfuaid:part"] == "1"
        assert meta["dc:title"] == "Feedbackfiche Vlaamse toetsen 2024"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "nl-BE"
        assert all(page.obj.Tabs == "/S" for page in pdf.pages)
