"""The fiche as ReportLab's canvas draws it, from the same blocks as the renderer."""

from io import BytesIO

from reportlab.pdfgen.canvas import Canvas

from services.worker.documents.fiche import PRODUCER
from services.worker.documents.fiche_back import back_flow
from services.worker.documents.fiche_blocks import front_flow
from services.worker.documents.fiche_head import foot, head, running_head, running_head_text
from services.worker.documents.fiche_pages import (
    GEOMETRY,
    MAX_PAGES,
    OverfullFicheError,
    back_pages,
    front_density,
    front_pages,
    require_drawable,
    template_version,
)
from services.worker.documents.fiche_style import Density
from services.worker.layout.blocks import Block, FlowBlock
from services.worker.layout.fonts import FONT_LOCK
from shared.documents.content import FicheContent, fiche_outcomes
from shared.documents.texts import DUTCH, Texts
from tests.worker.reference_renderer.canvas import draw_block, register_faces


def draw_fiche(content: FicheContent, texts: Texts = DUTCH) -> bytes:
    """Return an untagged PDF; the same content and texts give the same bytes.

    Raises:
        UndrawableTextError: for a character that no shipped face covers.
        OverfullFicheError: for texts that do not fit on its pages.
    """
    with FONT_LOCK:
        register_faces()
        require_drawable(content)
        pages = _pages(content, texts)
        target = BytesIO()
        canvas = Canvas(
            target,
            pagesize=(GEOMETRY.width, GEOMETRY.height),
            invariant=1,
            pageCompression=1,
            initialFontName="Regular",  # type: ignore[arg-type]  # a name; the stub says float
            lang=texts.language,
        )
        _set_properties(canvas, content, texts)
        for number, blocks in enumerate(pages, start=1):
            _draw_page(canvas, content, texts, number, len(pages), blocks)
        canvas.save()
    return target.getvalue()


def _set_properties(canvas: Canvas, content: FicheContent, texts: Texts) -> None:
    canvas.setTitle(f"{texts.fiche.title} {content.administration.name}")
    canvas.setSubject(f"{texts.fiche.document} {content.document_number}")
    canvas.setAuthor("")
    canvas.setCreator(template_version(texts))
    canvas.setProducer(PRODUCER)
    canvas.setViewerPreference("DisplayDocTitle", "true")


def _pages(content: FicheContent, texts: Texts) -> list[list[Block]]:
    def flow(density: Density) -> list[FlowBlock]:
        return [
            FlowBlock(head(content, texts, density)),
            *front_flow(content.sections, texts, density),
        ]

    pages = front_pages(flow(front_density(flow)))
    if any(outcome.level for outcome in fiche_outcomes(content)):
        back = back_pages(
            lambda density: list(
                back_flow(content.sections, content.viewing_periods, texts, density)
            )
        )
        pages = None if pages is None or back is None else [*pages, *back]
    if pages is None or len(pages) > MAX_PAGES:
        raise OverfullFicheError(content.document_number)
    return pages


def _draw_page(
    canvas: Canvas,
    content: FicheContent,
    texts: Texts,
    number: int,
    count: int,
    blocks: list[Block],
) -> None:
    left, top = GEOMETRY.left, GEOMETRY.blocks_top(number)
    if number > 1:
        draw_block(
            canvas, running_head(running_head_text(content, texts.fiche)), left, GEOMETRY.top
        )
    for block in blocks:
        draw_block(canvas, block, left, top)
        top -= block.height
    version = template_version(texts)
    end = foot(version, texts.fiche, number, count)
    draw_block(canvas, end, left, GEOMETRY.foot_top)
    canvas.showPage()
