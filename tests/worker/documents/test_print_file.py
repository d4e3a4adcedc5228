"""The print file has its fiches in order, each on a new sheet, and conforms to PDF/UA-1."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pypdfium2
import pytest

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.print_file import render_print_file
from shared.core.drawable_text import normalize_text
from shared.documents.content import FicheContent, SubjectSection
from tests.worker.contents import READS, fiche, fiche_with_signs, outcome, page_texts
from tests.worker.random_fiches import any_fiche

RENDERER = FicheRenderer()
LONG = SubjectSection("nederlands", (outcome(description=" ".join([READS] * 25)),))
CLASS = [
    fiche(),
    fiche(given_name="Noor", sections=(LONG,)),
    fiche(given_name="\u039d\u03af\u03ba\u03bf\u03c2", document_number="N1K0S00000"),
    fiche(given_name="\u0422\u0435\u0442\u044f\u043d\u0430"),
]
CLASSES = {
    "a class": CLASS,
    "one student": CLASS[:1],
    "signs": [fiche_with_signs(), fiche(), fiche(given_name="→ ✗")],
    "anyone": [any_fiche(seed) for seed in range(40)],
}


def printed(contents: list[FicheContent], renderer: FicheRenderer = RENDERER) -> bytes:
    return render_print_file(renderer, [renderer.lay_out(content) for content in contents])


@pytest.mark.parametrize("of", CLASSES)
def test_two_checkers_and_qpdf_find_no_errors(of: str, tmp_path: Path) -> None:
    path = tmp_path / "print.pdf"
    path.write_bytes(printed(CLASSES[of]))
    report = outloud.check(str(path))
    assert report.error is None
    # A name that looks like a URL is not a link. PAG-001 takes text that is repeated on every page
    # for a running header, which should be an artifact. Here each student has their own fiche, and
    # its title and guide are content.
    # TAG-002 takes the running head of a student with a name of many words for prose.
    assert {found.rule for found in report.sorted_findings()} <= {"LNK-010", "PAG-001", "TAG-002"}
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("of", CLASSES)
def test_it_has_the_text_of_each_fiche_starting_on_an_odd_page(of: str) -> None:
    expected = []
    for content in CLASSES[of]:
        expected += page_texts(RENDERER.render(content).data)
        if len(expected) % 2:
            expected.append("")
    assert page_texts(printed(CLASSES[of])) == expected


def test_a_bookmark_per_student_refers_to_the_first_page() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf, pdf.open_outline() as outline:
        numbers = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
        found = []
        for entry in outline.root:
            assert isinstance(entry.destination, pikepdf.Array)
            found.append((entry.title, numbers[entry.destination[0].objgen]))
    names = [normalize_text(f"{content.family_name}, {content.given_name}") for content in CLASS]
    assert found == list(zip(names, (0, 2, 4, 6), strict=True))


def _marks(element: pikepdf.Object) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield page and MCID of all marked content below an element, in reading order."""
    kids = element.K
    for kid in list(kids) if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary):
            assert element == kid.P
            yield from _marks(kid)
        else:
            yield element.Pg.objgen, int(kid)


def test_marked_content_and_structure_elements_refer_to_each_other() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf:
        tree = pdf.Root.StructTreeRoot
        assert [str(section.S) for section in tree.K.K] == ["/Sect"] * len(CLASS)
        parents = pikepdf.NumberTree(tree.ParentTree)
        drawn = []
        for page in pdf.pages:
            numbers = [
                int(one.operands[1].MCID)
                for one in pikepdf.parse_content_stream(page)
                if str(one.operator) == "BDC" and "/MCID" in one.operands[1]
            ]
            elements = list(parents[int(page.obj.StructParents)]) if numbers else []
            assert len(elements) == len(numbers)
            for element, number in zip(elements, numbers, strict=True):
                assert (page.obj.objgen, number) in _marks(element)
            drawn += [(page.obj.objgen, number) for number in numbers]
        assert list(_marks(tree.K)) == drawn


def test_fonts_and_shared_fragments_are_in_it_once() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf:
        fonts = {page.obj.Resources.objgen for page in pdf.pages if "/Contents" in page.obj}
        assert len(fonts) == 1
        assert set(pdf.pages[0].Resources.Font.keys()) == {"/R", "/B", "/BX"}
        for front, back in ((0, 4), (1, 5)):
            first, third = ([x.objgen for x in pdf.pages[at].obj.Contents] for at in (front, back))
            assert first[0] != third[0]
            assert first[1:] == third[1:]
    twins = [fiche(given_name=f"Twin {letter}") for letter in "ABCDEFGHIJ"]
    assert len(printed(twins)) < 4 * len(RENDERER.render(twins[0]).data)


def test_a_file_of_more_than_16_mib_is_readable_to_its_end() -> None:
    data = render_print_file(RENDERER, [RENDERER.lay_out(CLASS[0])] * 3_000)
    assert len(data) > 1 << 24
    pages = pypdfium2.PdfDocument(data)
    assert len(pages) == 6_000
    assert pages[5_998].get_textpage().get_text_range().startswith("Feedbackfiche")


def test_the_bytes_do_not_depend_on_earlier_files() -> None:
    assert printed(CLASS, FicheRenderer()) == printed(CLASS)


def test_properties_identify_the_class_group_and_no_student() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf, pdf.open_metadata() as meta:
        assert str(pdf.docinfo.Title) == "Feedbackfiches 4A, Vlaamse toetsen 2024"
        assert meta["dc:title"] == "Feedbackfiches 4A, Vlaamse toetsen 2024"
        assert meta["pdfuaid:part"] == "1"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert str(pdf.Root.Lang) == "nl-BE"
        assert not any("Jacobs" in str(value) for value in pdf.docinfo.values())
