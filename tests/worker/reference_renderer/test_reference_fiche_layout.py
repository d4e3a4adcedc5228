"""The layout of the fiche: its pages, sizes, positions and colours."""

from io import BytesIO
from itertools import pairwise, product

import pikepdf
import pypdfium2
import pytest

from services.worker.documents.fiche_blocks import (
    ACCENT,
    OUTLINE,
    SECONDARY_TEXT,
    TEXT,
    TINT,
    WHITE,
)
from services.worker.documents.fiche_pages import (
    OverfullFicheError,
)
from services.worker.layout.blocks import Colour
from shared.documents.content import Level, SubjectSection
from tests.worker.contents import (
    READS,
    SCALE,
    fiche,
    outcome,
    page_texts,
    sections,
)
from tests.worker.reference_renderer.fiche import draw_fiche

LONG = " ".join([READS] * 25)
SMALLEST = 9.0


def test_six_components_stay_on_one_page_in_type_of_nine_points_or_more() -> None:
    can_do = f"{READS} Legt uit wat er staat."
    outcomes = [outcome(f"C{at}", description=can_do, position=at) for at in range(6)]
    dutch = SubjectSection("nederlands", tuple(outcomes[:2]))
    pdf = draw_fiche(fiche(sections=(dutch, SubjectSection("wiskunde", tuple(outcomes[2:])))))
    assert len(page_texts(pdf)) == 1
    with pikepdf.open(BytesIO(pdf)) as opened:
        drawn = pikepdf.parse_content_stream(opened.pages[0])
        sizes = {float(one.operands[1]) for one in drawn if str(one.operator) == "Tf"}
    assert min(sizes) >= SMALLEST


def test_long_texts_take_a_second_page_with_a_running_head() -> None:
    long = (
        outcome(description=LONG),
        outcome("LO4-SCH", description=LONG, name="Schrijven", position=2),
    )
    pages = page_texts(draw_fiche(fiche(sections=(SubjectSection("nederlands", long),))))
    assert len(pages) == 2
    assert pages[0].endswith("lees verder op bladzijde 2")
    assert pages[1].startswith("Feedbackfiche Vlaamse toetsen 2024: Žofie Jacobs, 4A")
    assert pages[1].endswith("bladzijde 2")
    assert " ".join(pages).count(READS) == 50


def test_ten_components_with_the_longest_names_stay_within_two_pages() -> None:
    many = tuple(
        outcome(f"C{number}", "EDCBA"[number % 5], name="W" * 100, position=number)
        for number in range(10)
    )
    content = fiche(
        given_name="W" * 100,
        family_name="W" * 100,
        site_name="S" * 100,
        sections=(SubjectSection("nederlands", many),),
    )
    assert len(page_texts(draw_fiche(content))) <= 2


def test_texts_that_cannot_fit_fail_by_document_number() -> None:
    endless = outcome(description=" ".join([LONG] * 10))
    with pytest.raises(OverfullFicheError, match="document 7QX2M4KD9A does not fit on 2 pages"):
        draw_fiche(fiche(sections=(SubjectSection("nederlands", (endless,)),)))


def _grey(pdf: bytes) -> tuple[pypdfium2.PdfDocument, list[bytes], float]:
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=2).to_pil().convert("L")
    width = image.width
    data = image.tobytes()
    return document, [data[at : at + width] for at in range(0, len(data), width)], 2.0


@pytest.mark.parametrize("reached", SCALE)
def test_only_the_reached_step_is_dark_in_a_grey_print(reached: Level) -> None:
    content = fiche(sections=(SubjectSection("wiskunde", (outcome(code=reached.code),)),))
    document, rows, zoom = _grey(draw_fiche(content))
    page = document[0]
    text = page.get_textpage()
    start = text.get_text_range().index("E D C B A")
    height = page.get_height()
    dark = []
    for number, level in enumerate(SCALE):
        left, bottom, _, _ = text.get_charbox(start + 2 * number)
        background = rows[int((height - bottom + 1) * zoom)][int((left - 5) * zoom)]
        if background < 100:
            dark.append(level)
    document.close()
    assert dark == [reached]


def _contrast(first: Colour, second: Colour) -> float:
    """Return the contrast of two sRGB colours, as WCAG defines it."""

    def luminance(colour: Colour) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("text", "background"),
    [*product((TEXT, ACCENT, SECONDARY_TEXT), (WHITE, TINT)), (WHITE, ACCENT), (OUTLINE, WHITE)],
)
def test_text_has_enough_contrast_with_its_background(text: Colour, background: Colour) -> None:
    assert _contrast(text, background) >= 4.5


def test_lines_of_a_fiche_do_not_overlap() -> None:
    document = pypdfium2.PdfDocument(draw_fiche(fiche(sections=sections())))
    page = document[0]
    text = page.get_textpage()
    boxes = [text.get_rect(number) for number in range(text.count_rects())]
    document_edges = (50.0, 30.0, page.get_width() - 50.0, page.get_height() - 30.0)
    for left, bottom, right, top in boxes:
        assert left >= document_edges[0]
        assert bottom >= document_edges[1]
        assert right <= document_edges[2]
        assert top <= document_edges[3]
    for (left, bottom, right, _), (left_after, _, right_after, top_after) in pairwise(boxes):
        side_by_side = left_after >= right - 1 or right_after <= left + 1
        assert side_by_side or top_after <= bottom + 3
    document.close()
