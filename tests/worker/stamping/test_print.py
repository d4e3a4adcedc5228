"""The print file is its fiches in order, each on a new sheet, and heard as well as seen."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pypdfium2
import pytest

from services.worker.rendering.typesetting import tidy
from services.worker.stamping.fiche import FicheStamper
from services.worker.stamping.print import print_file
from shared.documents.content import FicheContent, SubjectSection
from tests.worker.rendering.conftest import READS, fiche, outcome, page_texts
from tests.worker.stamping.fiches import any_fiche

STAMPER = FicheStamper()
LONG = SubjectSection("nederlands", (outcome(description=" ".join([READS] * 60)),))
CLASS = [
    fiche(),
    fiche(given_name="Noor", sections=(LONG,)),
    fiche(given_name="\u039d\u03af\u03ba\u03bf\u03c2", document_number="N1K0S00000"),
    fiche(given_name="\u0422\u0435\u0442\u044f\u043d\u0430"),
]
CLASSES = {
    "a class": CLASS,
    "one student": CLASS[:1],
    "anyone": [any_fiche(seed) for seed in range(40)],
}


def printed(contents: list[FicheContent], stamper: FicheStamper = STAMPER) -> bytes:
    return print_file(stamper, [stamper.lay_out(content) for content in contents])


@pytest.mark.parametrize("of", CLASSES)
def test_two_checkers_and_qpdf_find_nothing_wrong(of: str, tmp_path: Path) -> None:
    path = tmp_path / "print.pdf"
    path.write_bytes(printed(CLASSES[of]))
    heard = outloud.check(str(path))
    assert heard.error is None
    # A name that looks like an address is not one that should lead anywhere. PAG-001 takes what is
    # said on page after page for a running header, which should be an artifact. Here each student
    # has a fiche of their own, of which the title and the guide have to be heard too.
    assert {found.rule for found in heard.sorted_findings()} <= {"LNK-010", "PAG-001"}
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("of", CLASSES)
def test_it_says_what_each_fiche_says_from_the_front_of_a_sheet_on(of: str) -> None:
    expected = []
    for content in CLASSES[of]:
        expected += page_texts(STAMPER.stamp(content).data)
        if len(expected) % 2:
            expected.append("")
    assert page_texts(printed(CLASSES[of])) == expected


def test_a_bookmark_per_student_leads_to_the_first_page() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf, pdf.open_outline() as outline:
        numbers = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
        found = []
        for entry in outline.root:
            assert isinstance(entry.destination, pikepdf.Array)
            found.append((entry.title, numbers[entry.destination[0].objgen]))
    names = [tidy(f"{content.given_name} {content.family_name}") for content in CLASS]
    assert found == list(zip(names, (0, 2, 4, 6), strict=True))


def _marks(element: pikepdf.Object) -> Iterator[tuple[tuple[int, int], int]]:
    """Page and number of each piece of content below, in reading order."""
    kids = element.K
    for kid in list(kids) if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary):
            assert element == kid.P
            yield from _marks(kid)
        else:
            yield element.Pg.objgen, int(kid)


def test_each_piece_of_content_leads_to_its_element_and_back() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf:
        tree = pdf.Root.StructTreeRoot
        assert [str(section.S) for section in tree.K.K] == ["/Sect"] * len(CLASS)
        ways = pikepdf.NumberTree(tree.ParentTree)
        drawn = []
        for page in pdf.pages:
            numbers = [
                int(one.operands[1].MCID)
                for one in pikepdf.parse_content_stream(page)
                if str(one.operator) == "BDC" and "/MCID" in one.operands[1]
            ]
            elements = list(ways[int(page.obj.StructParents)]) if numbers else []
            assert [int(element.K) for element in elements] == numbers
            assert {element.Pg.objgen for element in elements} <= {page.obj.objgen}
            drawn += [(page.obj.objgen, number) for number in numbers]
        assert list(_marks(tree.K)) == drawn


def test_fonts_and_what_students_share_are_in_it_once() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf:
        fonts = {page.obj.Resources.objgen for page in pdf.pages if "/Contents" in page.obj}
        assert len(fonts) == 1
        assert set(pdf.pages[0].Resources.Font.keys()) == {"/R", "/B", "/WX"}
        (first, third) = ([one.objgen for one in pdf.pages[at].obj.Contents] for at in (0, 4))
        assert first[1:-1] == third[1:-1]
    twins = [fiche(given_name=f"Twin {letter}") for letter in "ABCDEFGHIJ"]
    assert len(printed(twins)) < 4 * len(STAMPER.stamp(twins[0]).data)


def test_a_file_of_more_than_16_mib_is_read_to_its_end() -> None:
    data = print_file(STAMPER, [STAMPER.lay_out(CLASS[0])] * 3_000)
    assert len(data) > 1 << 24
    pages = pypdfium2.PdfDocument(data)
    assert len(pages) == 6_000
    assert pages[5_998].get_textpage().get_text_range().startswith("Feedbackfiche")


def test_the_bytes_depend_on_nothing_that_was_stamped_before() -> None:
    assert printed(CLASS, FicheStamper()) == printed(CLASS)


def test_properties_tell_which_class_it_is_but_not_who_is_in_it() -> None:
    with pikepdf.open(BytesIO(printed(CLASS))) as pdf, pdf.open_metadata() as meta:
        assert str(pdf.docinfo.Title) == "Feedbackfiches 4A, Vlaamse toetsen 2024"
        assert meta["dc:title"] == "Feedbackfiches 4A, Vlaamse toetsen 2024"
        assert meta["pdfuaid:part"] == "1"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert str(pdf.Root.Lang) == "nl-BE"
        assert not any("Jacobs" in str(value) for value in pdf.docinfo.values())
