"""Draws the personal fiche: A4, one page where it fits, two at most."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from reportlab.pdfgen.canvas import Canvas

from services.worker.rendering.fiche_blocks import (
    HAIRLINE,
    QUIET,
    WIDTH,
    Measure,
    guide,
    head,
    section_blocks,
)
from services.worker.rendering.fonts import DRAWING, UndrawableTextError, faces
from services.worker.rendering.layout import Block, Words, paginate, rectangle
from services.worker.rendering.typesetting import set_line, undrawable
from shared.documents.content import FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH, Texts

FICHE_TEMPLATE_VERSION: Final = f"fiche-1.{DUTCH.version}"
"""Raise the number with any change in what a fiche looks like: it marks older fiches as stale."""

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
_LEFT = (PAGE_WIDTH - WIDTH) / 2
_TOP = PAGE_HEIGHT - 40.0
_FOOT = 34.0
_FIRST_ROOM = _TOP - _FOOT - 20.0
_RUNNING_HEAD = 24.0
_FURTHER_ROOM = _FIRST_ROOM - _RUNNING_HEAD
_MOST_PAGES = 2

# Roomy for few components, comfortable for most; a little tighter to keep to one page; only then a
# second page, and only for texts of unforeseen length a small type.
_ATTEMPTS = (
    (Measure(type=1.08, air=1.5), 1),
    (Measure(type=1.0, air=0.95), 1),
    (Measure(type=0.95, air=0.72), 1),
    (Measure(type=1.0, air=0.95), _MOST_PAGES),
    (Measure(type=0.95, air=0.72), _MOST_PAGES),
    (Measure(type=0.85, air=0.6), _MOST_PAGES),
    (Measure(type=0.7, air=0.4), _MOST_PAGES),
)


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
        _require_drawable(content)
        pages = _fitted_pages(content, texts)
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


def _require_drawable(content: FicheContent) -> None:
    found = {field: missing for field, text in _texts_in(content) if (missing := undrawable(text))}
    if found:
        raise UndrawableTextError(found)


def _fitted_pages(content: FicheContent, texts: Texts) -> list[list[Block]]:
    for measure, most in _ATTEMPTS:
        blocks = [head(content, texts, measure)]
        for section in content.sections:
            blocks.extend(section_blocks(section, texts, measure))
        blocks.append(guide(texts.fiche, measure))
        pages = list(paginate(blocks, _FIRST_ROOM, _FURTHER_ROOM))
        overfull = any(sum(block.height for block in page) > _FIRST_ROOM for page in pages)
        if len(pages) <= most and not overfull:
            return pages
    raise OverfullFicheError(
        f"document {content.document_number} does not fit on {_MOST_PAGES} pages:"
        " have the level descriptions or names of its components shortened"
    )


def _draw_page(
    canvas: Canvas,
    content: FicheContent,
    texts: Texts,
    number: int,
    count: int,
    blocks: list[Block],
) -> None:
    top = _TOP
    if number > 1:
        whose = f"{content.given_name} {content.family_name}, {content.class_group}"
        title = f"{texts.fiche.title} {content.administration.name}"
        _words(canvas, f"{title}: {whose}", top - 9)
        top -= _RUNNING_HEAD
    for block in blocks:
        block.draw(canvas, _LEFT, top)
        top -= block.height
    _draw_foot(canvas, content, texts, number, count)
    canvas.showPage()


def _draw_foot(
    canvas: Canvas, content: FicheContent, texts: Texts, number: int, count: int
) -> None:
    words = texts.fiche
    rectangle(0, 0, WIDTH, 0.6, fill=HAIRLINE).draw(canvas, _LEFT, _FOOT + 13)
    version = f"{words.version} {template_version(texts)}"
    _words(canvas, f"{words.document} {content.document_number}, {version}", _FOOT)
    if count > 1:
        # Never "1 van 2": on this document two numbers beside each other would read as a mark.
        turn = words.page if number == count else words.read_on
        _words(canvas, f"{turn} {min(number + 1, count)}", _FOOT, from_right=True)


def _words(canvas: Canvas, text: str, baseline: float, *, from_right: bool = False) -> None:
    line = set_line(text)
    size = min(8.0, WIDTH / line.width)
    x = WIDTH - line.width * size if from_right else 0.0
    Words(line, x, 0, size, QUIET).draw(canvas, _LEFT, baseline)
