"""Draws the personal fiche: A4, one page where it fits, two at most."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

from reportlab.pdfgen.canvas import Canvas

from services.worker.rendering.fiche_blocks import (
    WIDTH,
    Measure,
    guide,
    section_blocks,
)
from services.worker.rendering.fiche_head import foot, head, running_head
from services.worker.rendering.fonts import DRAWING, UndrawableTextError, faces
from services.worker.rendering.layout import Block, paginate
from services.worker.rendering.typesetting import undrawable
from shared.documents.content import FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH, Texts

FICHE_TEMPLATE_VERSION: Final = f"fiche-5.{DUTCH.version}"
"""Raise the number with any change in what a fiche looks like: it marks older fiches as stale."""

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
LEFT = (PAGE_WIDTH - WIDTH) / 2
TOP = PAGE_HEIGHT - 40.0
FOOT_TOP = 47.0
FIRST_ROOM = TOP - FOOT_TOP - 7.0
_RUNNING_HEAD = 24.0
FURTHER_ROOM = FIRST_ROOM - _RUNNING_HEAD
_MOST_PAGES = 2

# Roomy for few components, comfortable for most; a little tighter, and levels beside the names, to
# keep to one page; only then a second page. Nothing is smaller than 9 points, but for texts of
# unforeseen length.
ATTEMPTS = (
    (Measure(type=1.08, air=1.5), 1),
    (Measure(type=1.0, air=0.95), 1),
    (Measure(type=0.95, air=0.72), 1),
    (Measure(type=0.95, air=0.72, is_level_beside=True), 1),
    (Measure(type=1.0, air=0.95), _MOST_PAGES),
    (Measure(type=0.95, air=0.72), _MOST_PAGES),
    (Measure(type=0.85, air=0.6), _MOST_PAGES),
    (Measure(type=0.7, air=0.4), _MOST_PAGES),
)


def first_top(number: int) -> float:
    """Where the first block of a page starts, in points from the bottom."""
    return TOP if number == 1 else TOP - _RUNNING_HEAD


class OverfullFicheError(Exception):
    """The texts of a fiche do not fit on two pages in the smallest type."""


def template_version(texts: Texts) -> str:
    """The version of fiches drawn with these texts, as printed on them."""
    return FICHE_TEMPLATE_VERSION.replace(DUTCH.version, texts.version)


def draw_fiche(content: FicheContent, texts: Texts = DUTCH) -> bytes:
    """The PDF of one fiche; the same content and texts give the same bytes on any machine.

    Raises UndrawableTextError for a character no shipped face has, OverfullFicheError for texts
    that no longer fit. (Streams are deflated: the same bytes suppose the same zlib.)
    """
    with DRAWING:
        faces()
        require_drawable(content)
        pages = _pages(content, texts)
        target = BytesIO()
        canvas = Canvas(
            target,
            pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
            invariant=1,
            pageCompression=1,
            initialFontName="Regular",  # type: ignore[arg-type]  # a name; the stub says float
            lang=texts.language,
        )
        _describe(canvas, content, texts)
        for number, blocks in enumerate(pages, start=1):
            _draw_page(canvas, content, texts, number, len(pages), blocks)
        canvas.save()
    return target.getvalue()


def _describe(canvas: Canvas, content: FicheContent, texts: Texts) -> None:
    """Document properties: which fiche it is, not whose."""
    canvas.setTitle(f"{texts.fiche.title} {content.administration.name}")
    canvas.setSubject(f"{texts.fiche.document} {content.document_number}")
    canvas.setAuthor("")
    canvas.setCreator(template_version(texts))
    canvas.setProducer("toetsfeedback")
    canvas.setViewerPreference("DisplayDocTitle", "true")


def _texts_in(content: FicheContent) -> Iterator[tuple[str, str]]:
    """Each text that comes from the delivery, with the name of its field."""
    yield "document_number", content.document_number
    yield "administration.name", content.administration.name
    yield "administration.school_year", content.administration.school_year
    yield "school.name", content.school.name
    yield "school.municipality", content.school.municipality
    yield "target_group_name", content.target_group_name
    yield "class_group", content.class_group
    yield "site_name", content.site_name or ""
    yield "given_name", content.given_name
    yield "family_name", content.family_name
    for section in content.sections:
        yield "subject", section.subject
    for outcome in fiche_outcomes(content):
        yield f"{outcome.component}.name", outcome.name
        yield f"{outcome.component}.description", outcome.description or ""
        for level in outcome.scale:
            yield f"{outcome.component}.scale", level.code + level.label


def require_drawable(content: FicheContent) -> None:
    """Raises UndrawableTextError for characters that no shipped face has."""
    found = {field: missing for field, text in _texts_in(content) if (missing := undrawable(text))}
    if found:
        raise UndrawableTextError(found)


def fitted(blocks: Sequence[Block], most: int) -> list[list[Block]] | None:
    """At most so many pages of these blocks; None when they do not fit."""
    pages = list(paginate(blocks, FIRST_ROOM, FURTHER_ROOM))
    is_overfull = any(sum(block.height for block in page) > FIRST_ROOM for page in pages)
    return None if is_overfull or len(pages) > most else pages


def overfull(document_number: str) -> OverfullFicheError:
    return OverfullFicheError(
        f"document {document_number} does not fit on {_MOST_PAGES} pages:"
        " have the level descriptions or names of its components shortened"
    )


def _pages(content: FicheContent, texts: Texts) -> list[list[Block]]:
    for measure, most in ATTEMPTS:
        blocks = [head(content, texts, measure)]
        for section in content.sections:
            blocks.extend(section_blocks(section, texts, measure))
        pages = fitted([*blocks, guide(texts.fiche, measure)], most)
        if pages is not None:
            return pages
    raise overfull(content.document_number)


def _draw_page(
    canvas: Canvas,
    content: FicheContent,
    texts: Texts,
    number: int,
    count: int,
    blocks: list[Block],
) -> None:
    top = first_top(number)
    if number > 1:
        running_head(content, texts.fiche).draw(canvas, LEFT, TOP)
    for block in blocks:
        block.draw(canvas, LEFT, top)
        top -= block.height
    end = foot(content.document_number, template_version(texts), texts.fiche, number, count)
    end.draw(canvas, LEFT, FOOT_TOP)
    canvas.showPage()
