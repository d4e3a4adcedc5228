"""The renderer of reading guides: one per language, on one sheet, the same for everyone."""

from collections.abc import Callable
from typing import Final

from services.worker.documents.fiche import PRODUCER
from services.worker.documents.fiche_head import foot, running_head
from services.worker.documents.fiche_pages import (
    FIRST_PAGE_HEIGHT,
    FURTHER_PAGE_HEIGHT,
    GEOMETRY,
)
from services.worker.documents.fiche_style import Density
from services.worker.documents.guide_blocks import back_blocks, front_blocks
from services.worker.documents.shared_fragments import page_content
from services.worker.layout.blocks import Block
from services.worker.layout.fonts import FONT_LOCK, font_faces
from services.worker.pdf.content_stream import RESTORE_STATE, save_state_at, write_content_stream
from services.worker.pdf.fallback_font import fallback_fonts
from services.worker.pdf.file import PdfFile, write_file
from services.worker.pdf.file_prefix import FilePrefix, resource_dictionary
from services.worker.pdf.metadata import DocumentMetadata, information_dictionary
from services.worker.pdf.objects import deflated_stream_object, indirect_object
from services.worker.pdf.page_template import compile_page_template
from shared.documents.reading_guides.guide_texts import GuideTexts
from shared.documents.reading_guides.texts import GUIDE_TEXTS_VERSION
from shared.documents.texts import DUTCH

READING_GUIDE_VERSION: Final = f"guide-2.{GUIDE_TEXTS_VERSION}.{DUTCH.version}"
"""Raise the first number with any change in how a guide looks: it marks older ones as stale."""

_AT_TOP = save_state_at(GEOMETRY.left, GEOMETRY.top)
_AT_FURTHER_TOP = RESTORE_STATE + save_state_at(GEOMETRY.left, GEOMETRY.further_top)
_DENSITIES = (
    Density(type=1.2, spacing=1.7),
    Density(type=1.1, spacing=1.4),
    Density(type=1.05, spacing=1.1),
    Density(type=1.0, spacing=1.1),
    Density(type=1.0, spacing=0.8),
    Density(type=1.0, spacing=0.5),
)

_PageBlocks = Callable[[GuideTexts, Density], list[Block]]


class OverfullGuideError(Exception):
    """The texts of a guide do not fit on one sheet."""

    def __init__(self, language: str) -> None:
        super().__init__(f"the reading guide {language} is longer than a sheet: shorten its texts")


def render_reading_guide(texts: GuideTexts) -> PdfFile:
    """Render the guide of a language: the front of a sheet about the front of a fiche, and so on.

    The same texts give the same bytes on every machine with the same zlib.

    Raises:
        OverfullGuideError: for texts that do not fit.
    """
    with FONT_LOCK:
        font_faces()
    pages = [
        _fitted(front_blocks, FIRST_PAGE_HEIGHT, texts),
        _fitted(back_blocks, FURTHER_PAGE_HEIGHT, texts),
    ]
    contents = [
        page_content(
            (),
            blocks,
            GEOMETRY.blocks_top(number),
            foot(READING_GUIDE_VERSION, texts, number, len(pages)),
        )
        for number, blocks in enumerate(pages, start=1)
    ]
    prefix = FilePrefix.of(texts.language)
    metadata = DocumentMetadata(texts.title, texts.language, READING_GUIDE_VERSION, PRODUCER)
    template = compile_page_template(prefix, metadata, GEOMETRY, contents)
    head = write_content_stream(running_head(texts.title), 0)
    streams = (_AT_TOP, _AT_TOP + head.operators + _AT_FURTHER_TOP)
    resources, information = template.first_own, template.first_own + 1
    entries, fonts = fallback_fonts(
        template.fallback_characters | head.fallback_characters, information + 1 + len(streams)
    )
    own = (
        indirect_object(resources, resource_dictionary(entries)),
        indirect_object(information, information_dictionary(metadata)),
        *(
            deflated_stream_object(number, one)
            for number, one in enumerate(streams, information + 1)
        ),
        *fonts,
    )
    return write_file(prefix, template, own)


def _fitted(blocks_of: _PageBlocks, room: float, texts: GuideTexts) -> list[Block]:
    """Return the blocks of a page at the loosest density at which they fit."""
    for density in _DENSITIES:
        blocks = blocks_of(texts, density)
        if sum(block.height for block in blocks) <= room:
            return blocks
    raise OverfullGuideError(texts.language)
