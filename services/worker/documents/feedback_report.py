"""The report of school feedback: a PDF with the figures of one opening as tables with bars."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from services.worker.documents.feedback_blocks import report_flow
from services.worker.documents.fiche import PRODUCER, FicheRenderer
from services.worker.documents.fiche_head import foot, running_head
from services.worker.documents.fiche_pages import (
    FIRST_PAGE_HEIGHT,
    FURTHER_PAGE_HEIGHT,
    GEOMETRY,
)
from services.worker.documents.hand_out_table import drawable
from services.worker.documents.shared_fragments import page_content
from services.worker.layout.blocks import Block, paginate
from services.worker.pdf.content_stream import (
    RESTORE_STATE,
    ContentStream,
    join_content_streams,
    save_state_at,
    write_content_stream,
)
from services.worker.pdf.file import PdfFile, write_file
from services.worker.pdf.metadata import DocumentMetadata
from services.worker.pdf.own_objects import own_objects
from services.worker.pdf.page_template import compile_page_template
from shared.core.invisible import remove_invisible
from shared.documents.school_feedback.content import SchoolFeedbackContent
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.documents.texts import DUTCH

FEEDBACK_REPORT_VERSION: Final = f"report-1.{DUTCH_SCHOOL_FEEDBACK.version}.{DUTCH.version}"
"""Raise the first number with any change in how a report looks: it marks older ones as stale."""

_TEXTS = DUTCH_SCHOOL_FEEDBACK
_AT_TOP = save_state_at(GEOMETRY.left, GEOMETRY.top)
_AT_FURTHER_TOP = RESTORE_STATE + save_state_at(GEOMETRY.left, GEOMETRY.further_top)


def render_feedback_report(fiches: FicheRenderer, content: SchoolFeedbackContent) -> PdfFile:
    """Render a report in the type of a renderer of fiches.

    The same content gives the same bytes. No content makes it fail: a letter that cannot be drawn
    is replaced.
    """
    shown = _drawable(content)
    flow = list(report_flow(shown, _TEXTS))
    pages = [_stream(page) for page in paginate(flow, FIRST_PAGE_HEIGHT, FURTHER_PAGE_HEIGHT)]
    title = remove_invisible(f"{_TEXTS.title} {shown.administration.name}")
    metadata = DocumentMetadata(title, DUTCH.language, FEEDBACK_REPORT_VERSION, PRODUCER)
    contents = [
        page_content(
            page.elements, [], 0.0, foot(FEEDBACK_REPORT_VERSION, DUTCH.fiche, number, len(pages))
        )
        for number, page in enumerate(pages, start=1)
    ]
    template = compile_page_template(fiches.prefix, metadata, GEOMETRY, contents)
    subject = remove_invisible(f"{shown.school.name} ({shown.school.id})")
    head = write_content_stream(running_head(f"{subject} · {title}"), 0)
    streams = [_AT_TOP + pages[0].operators]
    streams += [_AT_TOP + head.operators + _AT_FURTHER_TOP + one.operators for one in pages[1:]]
    fallback = template.fallback_characters.union(
        head.fallback_characters, *(page.fallback_characters for page in pages)
    )
    return write_file(fiches.prefix, template, own_objects(template, streams, fallback, subject))


def _stream(blocks: Sequence[Block]) -> ContentStream:
    """Return the stream of a page from its top down, with MCIDs from 0 on."""
    streams: list[ContentStream] = []
    mcid = 0
    for block in blocks:
        streams.append(write_content_stream(block, mcid))
        mcid += sum(element.count for element in streams[-1].elements)
    return join_content_streams(streams)


def _drawable(content: Any) -> Any:
    """Return a content object, or a part of one, with a replacement for each undrawable letter."""
    if isinstance(content, str) and type(content) is str:
        return drawable(content)
    if isinstance(content, tuple):
        return tuple(map(_drawable, content))
    slots = getattr(type(content), "__slots__", ())
    if not slots or not hasattr(content, "__dataclass_fields__"):
        return content
    return replace(content, **{name: _drawable(getattr(content, name)) for name in slots})
