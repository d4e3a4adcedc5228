"""A report of school feedback has the figures as tables for everyone, and as bars for the eye."""

import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import outloud
import pdfua
import pikepdf
import pytest

from services.worker.documents.feedback_figures import class_rows, level_rows
from services.worker.documents.feedback_report import render_feedback_report
from services.worker.documents.feedback_table import FeedbackRow, shade, table_row
from services.worker.documents.fiche import FicheRenderer
from services.worker.layout.blocks import Polygon, TableRow
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.school_feedback.figures import ComponentFigures
from tests.worker.contents import page_texts
from tests.worker.feedback import FEEDBACK, any_feedback, component, large, small

TEXTS = DUTCH_SCHOOL_FEEDBACK
RENDERER = FicheRenderer()


def rendered(content: SchoolFeedbackContent) -> bytes:
    return render_feedback_report(RENDERER, content).data


def text_of(content: SchoolFeedbackContent) -> str:
    return " ".join(page_texts(rendered(content))).replace("\u00a0", " ")


@pytest.mark.parametrize("content", [*FEEDBACK.values(), *map(any_feedback, range(10))])
def test_two_checkers_and_qpdf_find_no_errors(
    content: SchoolFeedbackContent, tmp_path: Path
) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(rendered(content))
    report = outloud.check(str(path))
    assert report.error is None
    found = {one.rule for one in report.sorted_findings()}
    assert found <= {"TBL-010", "LNK-010", "HDG-010"}, "the checker on tables and names like 007"
    assert pdfua.validate(str(path)).findings == ()
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("kind", FEEDBACK)
def test_every_figure_is_in_the_text(kind: str) -> None:
    content = FEEDBACK[kind]
    text = text_of(content)
    for figures in content.components():
        assert figures.name in text
        if figures.school_row.is_hidden:
            continue
        for row in (*level_rows(figures, TEXTS), *class_rows(figures, TEXTS)):
            for cell in row.cells:
                assert cell.text.replace("\u00a0", " ") in text
        for sign in (TEXTS.school, *(TEXTS.references[one.name] for one in figures.references)):
            assert sign.text in text
    assert TEXTS.third_parties.text.split(". ")[0] in text
    assert TEXTS.reading.questions in text


def test_hidden_figures_are_in_no_table() -> None:
    with pikepdf.open(BytesIO(rendered(FEEDBACK["of hidden figures"]))) as pdf:
        roles = {str(element.S) for element in pdf.Root.StructTreeRoot.K.K}
    assert "/Table" not in roles


def test_figures_are_tables_with_headers_of_columns_and_rows() -> None:
    with pikepdf.open(BytesIO(rendered(FEEDBACK["of a small school"]))) as pdf:
        tables = [one for one in pdf.Root.StructTreeRoot.K.K if str(one.S) == "/Table"]
        levels, groups = ([[str(cell.S) for cell in row.K] for row in one.K] for one in tables)
    assert levels == [["/TH"] * 6, *[["/TH", *["/TD"] * 5]] * 2]
    assert groups == [["/TH"] * 6, *[["/TH", *["/TD"] * 5]] * 2]


def test_percentages_are_shown_from_twenty_students_on() -> None:
    own, *_ = level_rows(small(), TEXTS)
    assert [cell.text for cell in own.cells] == ["0", "2", "3", "2", "0"]
    own, *_ = level_rows(component(), TEXTS)
    assert own.cells[1].text.startswith("12 (27")


def bars_of(row: FeedbackRow) -> list[float]:
    """Return the lengths of the bars as parts of their outlines, from the drawn polygons."""
    drawn = [one for one in table_row(row).contents if isinstance(one, Polygon)]
    shades = {shade(cell.bar.step) for cell in row.cells if cell.bar}
    widths = [one.points[1][0] - one.points[0][0] for one in drawn if one.fill in shades]
    bars = [width for width in widths if abs(width - 11.0) > 1e-9]
    room = (483.0 - 126.0) / len(row.cells) - 6.0 - 12.0
    return [width / room for width in bars]


@pytest.mark.parametrize("figures", [component(), small(), large()])
def test_a_bar_is_as_long_as_its_number(figures: ComponentFigures) -> None:
    own, *references = level_rows(figures, TEXTS)
    counts = figures.school_row.counts or ()
    shares = [count / sum(counts) for count in counts if count]
    assert bars_of(own) == pytest.approx(shares)
    for row, reference in zip(references, figures.references, strict=True):
        assert bars_of(row) == pytest.approx(list(reference.shares or ()))


def test_each_bar_has_the_letter_of_its_level_and_is_darker_than_the_one_before() -> None:
    own, *_ = level_rows(component(), TEXTS)
    bars = [cell.bar for cell in own.cells if cell.bar]
    assert [bar.sign for bar in bars] == list("EDCBA")
    lightness = [sum(shade(bar.step)) for bar in bars]
    assert lightness == sorted(lightness, reverse=True)
    assert min(a - b for a, b in pairwise(lightness)) > 0.2


def test_headers_are_repeated_on_each_page_of_class_groups() -> None:
    pages = page_texts(rendered(FEEDBACK["of two target groups"]))
    with_classes = [page for page in pages if re.search(r"\b\d+A, 20 leerlingen", page)]
    assert len(with_classes) > 1
    assert all("Klas Niveau E" in page for page in with_classes)


def test_no_row_is_lower_than_its_bars() -> None:
    for row in (*level_rows(component(), TEXTS), *class_rows(large(), TEXTS)):
        block = table_row(row)
        drawn = [one for one in block.contents if isinstance(one, Polygon)]
        assert max(y for one in drawn for _, y in one.points) <= block.height
        assert sum(isinstance(one, TableRow) for one in block.contents) == 1


def test_the_bytes_depend_on_the_content_only() -> None:
    other = FicheRenderer()
    for content in reversed(FEEDBACK.values()):
        assert render_feedback_report(other, content).data == rendered(content)


@pytest.mark.parametrize("kind", FEEDBACK)
def test_hidden_rows_are_explained_where_there_is_one(kind: str) -> None:
    rows = [row for figures in FEEDBACK[kind].components() for row in figures.rows]
    explained = " ".join(TEXTS.reading.hidden.split()[:5])
    assert (explained in text_of(FEEDBACK[kind])) is any(row.is_hidden for row in rows)
