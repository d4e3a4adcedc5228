"""A hand-out list has a row per student, with a fiche or the reason for none, and never fails."""

from io import BytesIO
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents import hand_out_table
from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.hand_out_list import HandOutListRenderer
from services.worker.documents.hand_out_table import REPLACEMENT, entry_name
from services.worker.layout.blocks import PlacedLine, TableRow
from services.worker.pdf.content_stream import write_content_stream
from shared.core.drawable_text import normalize_text
from shared.documents.hand_out_lists.content import HandOutListContent, MissingReason
from shared.documents.texts import DUTCH
from tests.worker.contents import page_texts
from tests.worker.hand_outs import EVERY_REASON, HAND_OUT_LISTS, LONG_NAME, entry, hand_out_list

RENDERER = HandOutListRenderer(FicheRenderer())
WORDS = DUTCH.hand_out


def rendered(content: HandOutListContent, renderer: HandOutListRenderer = RENDERER) -> bytes:
    return renderer.to_file(renderer.lay_out(content)).data


@pytest.mark.parametrize("kind", HAND_OUT_LISTS)
def test_two_checkers_and_qpdf_find_no_errors(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "list.pdf"
    path.write_bytes(rendered(HAND_OUT_LISTS[kind]))
    report = outloud.check(str(path))
    assert report.error is None
    # TBL-010 takes the list of one student for a table of headers.
    assert {found.rule for found in report.sorted_findings()} <= {"TBL-010", "LNK-010"}
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("kind", HAND_OUT_LISTS)
def test_every_student_is_in_a_row_with_number_or_reason(kind: str) -> None:
    content = HAND_OUT_LISTS[kind]
    text = " ".join(page_texts(rendered(content))).replace("\ufb01", "fi").replace("\ufb00", "ff")
    compact = text.replace(" ", "").replace("\u00a0", "")
    for one in content.entries:
        name = normalize_text(entry_name(one)).replace("\ufb01", "fi").replace("\ufb00", "ff")
        assert name.replace(" ", "").replace("\u00a0", "") in compact
        shown = WORDS.missing[one.missing].name[1:] if one.missing else one.document_number or ""
        assert shown in text
    assert WORDS.third_parties.text.split(". ")[-1][:40] in text


def tree(data: bytes) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the structure elements below the document; a table with role and scope per cell."""
    with pikepdf.open(BytesIO(data)) as pdf:
        return [
            (str(element.S), [_cell(cell) for row in element.K for cell in row.K])
            if element.S == "/Table"
            else (str(element.S), [])
            for element in pdf.Root.StructTreeRoot.K.K
        ]


def _cell(cell: pikepdf.Object) -> tuple[str, str]:
    return str(cell.S), str(cell.A.Scope) if "/A" in cell else ""


def test_students_are_rows_of_a_table_with_headers() -> None:
    head, row = [("/TH", "/Column")] * 4, [("/TH", "/Row"), *[("/TD", "")] * 3]
    found = tree(rendered(HAND_OUT_LISTS["without any fiche"]))
    assert [role for role, _ in found[:5]] == ["/H1", "/L", "/P", "/P", "/Table"]
    assert found[4][1] == [*head, *row * len(EVERY_REASON)]


def test_a_table_over_several_pages_repeats_its_headers() -> None:
    data = rendered(HAND_OUT_LISTS["of long names"])
    tables = [cells for role, cells in tree(data) if role == "/Table"]
    assert len(tables) > 1
    assert all(cells[:4] == [("/TH", "/Column")] * 4 for cells in tables)
    assert sum(len(cells) // 4 - 1 for cells in tables) == 40
    assert all(WORDS.columns[0] in page for page in page_texts(data)[: len(tables)])


@pytest.mark.parametrize(("students", "pages"), [(1, 2), (25, 2), (30, 2), (36, 2), (60, 2)])
def test_a_list_for_two_sides_has_both_and_the_guide_is_last(students: int, pages: int) -> None:
    texts = page_texts(rendered(hand_out_list([*map(entry, range(students))])))
    assert len(texts) % 2 == 0
    assert len(texts) >= pages
    assert WORDS.guide_title in texts[-1]
    assert not any(WORDS.guide_title in page for page in texts[:-1])


def test_a_short_list_for_one_side_is_one_page() -> None:
    renderer = HandOutListRenderer(FicheRenderer(has_back=False))
    (only,) = page_texts(rendered(HAND_OUT_LISTS["without any fiche"], renderer))
    assert WORDS.guide_title in only


def test_the_guide_explains_the_reasons_in_the_list_and_no_others() -> None:
    text = page_texts(rendered(hand_out_list([entry(), entry(1, MissingReason.NO_RESULT)])))[-1]
    for reason, words in WORDS.missing.items():
        assert (words.explanation in text) == (reason is MissingReason.NO_RESULT)
    assert WORDS.missing_title not in page_texts(rendered(hand_out_list([entry()])))[-1]


def test_letters_that_cannot_be_drawn_are_replaced() -> None:
    content = hand_out_list(
        [entry(0, MissingReason.UNDRAWABLE_TEXT, family_name="王美", given_name="Noor")],
        class_group="4\u738b",
    )
    (first, _) = page_texts(rendered(content))
    assert f"{REPLACEMENT}{REPLACEMENT}, Noor" in first
    assert f"4{REPLACEMENT}" in first
    assert entry_name(entry(family_name="", given_name="\u200b")) == REPLACEMENT


def test_a_row_that_is_a_copy_equals_one_that_is_laid_out() -> None:
    for missing in (None, MissingReason.NOT_ASSIGNED):
        one = hand_out_table.TableEntry.of(entry(7, missing, family_name="O'(B) 100%"), WORDS)
        assert one.is_line
        block = hand_out_table._row(one.texts, 24.0, is_missing=one.is_missing)
        laid_out = write_content_stream(block, 5)
        copied = hand_out_table.write_row(one, 24.0, 5)
        assert copied.operators == laid_out.operators
        assert copied.elements == laid_out.elements


def test_no_name_is_wider_than_its_column() -> None:
    for name in (LONG_NAME, "W" * 100, "Jacobs"):
        one = hand_out_table.TableEntry.of(entry(family_name=name), WORDS)
        block = hand_out_table._row(one.texts, 24.0, is_missing=False)
        (row,) = (content for content in block.contents if isinstance(content, TableRow))
        lines = [line for line in row.cells[0].graphics if isinstance(line, PlacedLine)]
        assert all(line.x + line.line.width * line.size <= 188 for line in lines)
        assert " ".join(line.line.text for line in lines).startswith(name[:20])


def test_the_bytes_depend_on_the_content_only() -> None:
    other = HandOutListRenderer(FicheRenderer())
    for content in reversed(HAND_OUT_LISTS.values()):
        assert rendered(content, other) == rendered(content)


def test_the_properties_name_the_class_group_and_no_student() -> None:
    with pikepdf.open(BytesIO(rendered(HAND_OUT_LISTS["of one"]))) as pdf:
        assert str(pdf.docinfo.Title) == "Uitdeellijst Vlaamse toetsen 2024"
        assert str(pdf.docinfo.Subject) == "Uitdeellijst 4A, Vlaamse toetsen 2024"
        assert not any("Jacobs" in str(value) for value in pdf.docinfo.values())
