"""A print file has lists and fiches in order, each on a new sheet, and conforms to PDF/UA-1."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pypdfium2
import pytest

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.hand_out_list import HandOutListRenderer
from services.worker.documents.print_file import render_print_file
from shared.core.drawable_text import normalize_text
from shared.documents.content import FicheContent, SubjectSection
from tests.worker.contents import READS, fiche, fiche_with_signs, outcome, page_texts
from tests.worker.hand_outs import SUBJECT, hand_out_list_of, print_file, printed
from tests.worker.random_fiches import any_fiche

RENDERER = FicheRenderer()
LONG = SubjectSection("nederlands", (outcome(description=" ".join([READS] * 25)),))
ABSENT = (SubjectSection("nederlands", (outcome(code=None, status="absent"),)),)
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


@pytest.mark.parametrize("of", CLASSES)
def test_two_checkers_and_qpdf_find_no_errors(of: str, tmp_path: Path) -> None:
    path = tmp_path / "print.pdf"
    path.write_bytes(print_file(RENDERER, CLASSES[of]))
    report = outloud.check(str(path))
    assert report.error is None
    # A name that looks like a URL is not a link. PAG-001 takes text that is repeated on every page
    # for a running header, which should be an artifact. Here each student has their own fiche, and
    # its title and guide are content.
    # TAG-002 takes the running head of a student with a name of many words for prose, and TBL-010
    # the list of one student for a table of headers.
    allowed = {"LNK-010", "PAG-001", "TAG-002", "TBL-010"}
    assert {found.rule for found in report.sorted_findings()} <= allowed
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("of", CLASSES)
def test_list_and_fiches_follow_each_other_on_odd_pages(of: str) -> None:
    lists = HandOutListRenderer(RENDERER)
    files = [lists.to_file(lists.lay_out(hand_out_list_of(CLASSES[of])))]
    files += [RENDERER.render(content) for content in CLASSES[of]]
    expected: list[str] = []
    for file in files:
        if len(expected) % 2:
            expected.append("")
        expected += page_texts(file.data)
    assert page_texts(print_file(RENDERER, CLASSES[of])) == expected


def bookmarks(data: bytes) -> list[tuple[str, int, list[tuple[str, int]], bool]]:
    """Return title, page, children and whether they are hidden at first, of each top bookmark."""
    with pikepdf.open(BytesIO(data)) as pdf, pdf.open_outline() as outline:
        numbers = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}

        def mark(entry: pikepdf.OutlineItem) -> tuple[str, int]:
            assert isinstance(entry.destination, pikepdf.Array)
            return entry.title, numbers[entry.destination[0].objgen]

        return [
            (*mark(entry), [mark(child) for child in entry.children], bool(entry.is_closed))
            for entry in outline.root
        ]


def names(contents: list[FicheContent]) -> list[str]:
    return [normalize_text(f"{content.family_name}, {content.given_name}") for content in contents]


def test_a_bookmark_per_student_is_below_that_of_the_list() -> None:
    students = list(zip(names(CLASS), (2, 4, 6, 8), strict=True))
    title = "Uitdeellijst 4A, Vlaamse toetsen 2024"
    assert bookmarks(print_file(RENDERER, CLASS)) == [(title, 0, students, False)]


def test_a_file_of_a_school_shows_a_bookmark_per_class_group_first() -> None:
    other = [replace(content, class_group="4B") for content in CLASS[:2]]
    found = bookmarks(print_file(RENDERER, CLASS, other))
    assert [(title, page, hidden) for title, page, _, hidden in found] == [
        ("Uitdeellijst 4A, Vlaamse toetsen 2024", 0, True),
        ("Uitdeellijst 4B, Vlaamse toetsen 2024", 10, True),
    ]
    assert [[name for name, _ in children] for _, _, children, _ in found] == [
        *(names(CLASS), names(other))
    ]


def test_two_sided_files_flip_on_the_long_edge_and_others_have_no_empty_page() -> None:
    front = FicheRenderer(has_back=False)
    for renderer, duplex in ((RENDERER, "/DuplexFlipLongEdge"), (front, "/Simplex")):
        with pikepdf.open(BytesIO(print_file(renderer, CLASS))) as pdf:
            assert pdf.Root.ViewerPreferences.Duplex == duplex
    pages = page_texts(print_file(front, CLASS))
    assert all(pages)
    assert len(pages) == 1 + sum(len(page_texts(front.render(one).data)) for one in CLASS)


def test_a_two_sided_file_has_no_empty_page_unless_a_fiche_has_an_odd_number_of_pages() -> None:
    two_pages, one_page = CLASS[0], replace(CLASS[0], sections=ABSENT)
    assert len(page_texts(RENDERER.render(one_page).data)) == 1
    assert all(page_texts(print_file(RENDERER, [two_pages] * 3)))
    texts = page_texts(print_file(RENDERER, [one_page, two_pages, one_page]))
    assert [number for number, page in enumerate(texts) if not page] == [3]


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
    with pikepdf.open(BytesIO(print_file(RENDERER, CLASS))) as pdf:
        tree = pdf.Root.StructTreeRoot
        assert [str(section.S) for section in tree.K.K] == ["/Sect"] * (1 + len(CLASS))
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
    with pikepdf.open(BytesIO(print_file(RENDERER, CLASS))) as pdf:
        fonts = {page.obj.Resources.objgen for page in pdf.pages if "/Contents" in page.obj}
        assert len(fonts) == 1
        assert set(pdf.pages[0].Resources.Font.keys()) == {"/R", "/B", "/BX"}
        for front, back in ((2, 6), (3, 7)):
            first, third = ([x.objgen for x in pdf.pages[at].obj.Contents] for at in (front, back))
            assert first[0] != third[0]
            assert first[1:] == third[1:]
    twins = [fiche(given_name=f"Twin {letter}") for letter in "ABCDEFGHIJ"]
    assert len(print_file(RENDERER, twins)) < 5 * len(RENDERER.render(twins[0]).data)


def test_a_file_of_more_than_16_mib_is_readable_to_its_end() -> None:
    one = printed(RENDERER, CLASS[:1])
    many = replace(one, fiches=[*one.fiches] * 3_000)
    data = render_print_file(RENDERER, [many], SUBJECT)
    assert len(data) > 1 << 24
    pages = pypdfium2.PdfDocument(data)
    assert len(pages) == 6_002
    assert pages[6_000].get_textpage().get_text_range().startswith("Feedbackfiche")


def test_the_bytes_do_not_depend_on_earlier_files() -> None:
    assert print_file(FicheRenderer(), CLASS) == print_file(RENDERER, CLASS)


def test_properties_identify_the_class_group_and_no_student() -> None:
    with pikepdf.open(BytesIO(print_file(RENDERER, CLASS))) as pdf, pdf.open_metadata() as meta:
        assert str(pdf.docinfo.Title) == "Feedbackfiches 4A, Vlaamse toetsen 2024"
        assert meta["dc:title"] == "Feedbackfiches 4A, Vlaamse toetsen 2024"
        assert meta["pdfuaid:part"] == "1"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert str(pdf.Root.Lang) == "nl-BE"
        assert not any("Jacobs" in str(value) for value in pdf.docinfo.values())
