"""The layout of the fiche: its pages, sizes, positions and colours."""

from io import BytesIO
from itertools import pairwise, product

import pikepdf
import pypdfium2
import pytest

from services.worker.documents.fiche_pages import MAX_PAGES, OverfullFicheError
from services.worker.documents.fiche_style import (
    ACCENT,
    BODY_SIZE,
    GUIDE_SIZE,
    LABEL_SIZE,
    OUTLINE,
    SECONDARY_TEXT,
    TEXT,
    TINT,
    WHITE,
)
from services.worker.layout.blocks import Colour
from shared.documents.content import Level, SubjectSection
from shared.documents.texts import DUTCH
from tests.worker.contents import (
    READS,
    SCALE,
    fiche,
    outcome,
    page_texts,
    sections,
)
from tests.worker.fiche_text import require_text
from tests.worker.reference_renderer.fiche import draw_fiche

LONG = " ".join([READS] * 25)


def _components(count: int, **changes: str) -> tuple[SubjectSection, ...]:
    outcomes = [
        outcome(f"C{at}", "EDCBA"[at % 5], name=changes.get("name", f"Onderdeel {at}"), position=at)
        for at in range(count)
    ]
    sections = (SubjectSection("nederlands", tuple(outcomes[:2])),)
    return (*sections, SubjectSection("wiskunde", tuple(outcomes[2:]))) if count > 2 else sections


def _type_sizes(pdf: bytes, page: int) -> set[float]:
    with pikepdf.open(BytesIO(pdf)) as opened:
        drawn = pikepdf.parse_content_stream(opened.pages[page])
        return {float(one.operands[1]) for one in drawn if str(one.operator) == "Tf"}


@pytest.mark.parametrize("count", range(1, 9))
def test_type_is_legible_and_a_sheet_is_enough_for_up_to_four_components(count: int) -> None:
    pdf = draw_fiche(fiche(sections=_components(count)))
    pages = page_texts(pdf)
    assert len(pages) <= (2 if count <= 4 else 4)
    for page in range(len(pages)):
        assert min(_type_sizes(pdf, page)) >= LABEL_SIZE
    assert BODY_SIZE >= 11
    assert GUIDE_SIZE >= 10


def test_the_front_takes_one_page_for_up_to_six_components() -> None:
    pages = page_texts(draw_fiche(fiche(sections=_components(6))))
    assert DUTCH.fiche.guide_title in pages[0]
    assert pages[1].count(DUTCH.fiche.levels.title) == 1


def test_long_codes_stay_legible() -> None:
    words = [f"{letter}" * 16 for letter in "WMGQ"]
    scale = tuple(Level(code, code, place) for place, code in enumerate(words, start=1))
    long = outcome("C1", words[1], scale=scale)
    pdf = draw_fiche(fiche(sections=(SubjectSection("nederlands", (long,)),)))
    assert all(min(_type_sizes(pdf, page)) >= LABEL_SIZE for page in (0, 1))


def test_a_further_page_has_a_running_head_and_repeats_its_subject() -> None:
    content = fiche(sections=_components(8))
    pages = page_texts(draw_fiche(content))
    assert len(pages) == 4
    require_text(content, pages)
    for number, page in enumerate(pages[1:], start=2):
        assert page.startswith("Žofie Jacobs, 4A · Document 7QX2M4KD9A")
        assert page.endswith(f"bladzijde {min(number + 1, 4)}")
    assert pages[1].split("7QX2M4KD9A ")[1].startswith("Wiskunde Onderdeel")
    assert pages[3].split("7QX2M4KD9A ")[1].startswith("Wiskunde Onderdeel")


def test_ten_components_with_the_longest_names_fit_their_pages() -> None:
    content = fiche(
        given_name="W" * 100,
        family_name="W" * 100,
        site_name="S" * 100,
        sections=_components(10, name="W" * 100),
    )
    assert len(page_texts(draw_fiche(content))) <= MAX_PAGES


def test_texts_that_cannot_fit_fail_by_document_number() -> None:
    endless = outcome(description=" ".join([LONG] * 10))
    with pytest.raises(OverfullFicheError, match="document 7QX2M4KD9A does not fit on 6 pages"):
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


@pytest.mark.parametrize("number", [0, 1])
def test_lines_of_a_fiche_do_not_overlap(number: int) -> None:
    document = pypdfium2.PdfDocument(draw_fiche(fiche(sections=sections())))
    page = document[number]
    text = page.get_textpage()
    boxes = [text.get_rect(at) for at in range(text.count_rects())]
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
