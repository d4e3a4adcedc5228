"""The renderer of fiches: page templates compiled once, completed with each student's own lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from typing import Final

from services.worker.documents.fiche_blocks import reading_guide
from services.worker.documents.fiche_head import (
    FicheFacts,
    foot,
    introduction,
    running_head,
    student_name,
)
from services.worker.documents.fiche_pages import (
    ATTEMPTS,
    GEOMETRY,
    Attempt,
    OverfullFicheError,
    fit_pages,
    require_drawable,
    template_version,
)
from services.worker.documents.shared_fragments import (
    NAME_MCID,
    ComponentFragments,
    ComponentFragmentsCache,
    HeadFragments,
)
from services.worker.layout.blocks import Block
from services.worker.layout.fonts import FONT_LOCK, font_faces
from services.worker.pdf.content_stream import (
    RESTORE_STATE,
    ContentStream,
    StructureElement,
    save_state_at,
    write_content_stream,
)
from services.worker.pdf.fallback_font import FallbackCharacter, fallback_fonts
from services.worker.pdf.file import PdfFile, write_file
from services.worker.pdf.file_prefix import FilePrefix, resource_dictionary
from services.worker.pdf.metadata import DocumentMetadata, information_dictionary
from services.worker.pdf.objects import (
    deflate,
    deflated_stream_object,
    indirect_object,
    stream_object,
)
from services.worker.pdf.page_template import PageTemplate, compile_page_template
from services.worker.pdf.structure_tree import Fragment, PageContent
from shared.core.drawable_text import undrawable_characters
from shared.documents.content import FicheContent, PossibleSections
from shared.documents.texts import DUTCH, Texts

PRODUCER: Final = "toetsfeedback"
_AT_TOP = save_state_at(GEOMETRY.left, GEOMETRY.top)
_AT_FURTHER_TOP = save_state_at(GEOMETRY.left, GEOMETRY.further_top)
_AT_FOOT = RESTORE_STATE + save_state_at(GEOMETRY.left, GEOMETRY.foot_top)
_PARAGRAPH = StructureElement("P")
_REGULAR_NUMBER = re.compile("[0-9A-Z]{10}")
_SAMPLE_NUMBER = "0" * 10


@dataclass(frozen=True, slots=True)
class FicheLayout:
    """A fiche whose own objects have no numbers yet.

    `streams` are its own content streams: per page one before the fragments and one after.
    """

    content: FicheContent
    template: PageTemplate
    streams: tuple[bytes, ...]
    fallback_characters: frozenset[FallbackCharacter]


@lru_cache(maxsize=2048)
def _deflated_stream(block: Block, first: int) -> tuple[bytes, ContentStream]:
    stream = write_content_stream(block, first)
    return deflate(stream.operators), stream


class FicheRenderer:
    """A renderer of the fiches of any school, which threads may share.

    The bytes depend on the content and the texts only, not on the fiches before.
    """

    def __init__(self, texts: Texts = DUTCH) -> None:
        with FONT_LOCK:
            font_faces()
        self.texts, self.version = texts, template_version(texts)
        self.prefix = FilePrefix.of(texts.language)
        # Bounded, so that memory stays flat: a template is some 8 KB, the others are smaller.
        self._components = ComponentFragmentsCache(texts)
        self._head = lru_cache(maxsize=256)(lambda facts: HeadFragments(facts, texts))
        self._template = lru_cache(maxsize=4096)(self._compile_template)
        self._fits = lru_cache(maxsize=4096)(self._fits_at_each_level)
        self._is_drawable = lru_cache(maxsize=1024)(self._is_drawable_at_each_level)
        self._around_number = lru_cache(maxsize=256)(self._split_foot)
        self._fallback_fonts = lru_cache(maxsize=256)(fallback_fonts)

    def render(self, content: FicheContent) -> PdfFile:
        """Lay out a fiche and write it as a file."""
        return self.to_file(self.lay_out(content))

    def lay_out(
        self, content: FicheContent, possible: PossibleSections | None = None
    ) -> FicheLayout:
        """Choose the density of a fiche, and write the student's own content streams.

        The same content gives the same bytes on every machine with the same zlib. With `possible`
        sections, the fiche has to be possible with all of them: an operator delivers the texts of
        levels, and a failure that depends on the student's level would tell it.

        Raises:
            UndrawableTextError: for a character that no shipped face covers.
            OverfullFicheError: for texts that do not fit on two pages.
        """
        components = self._components.get(content.sections)
        head = self._head(FicheFacts.of(content))
        own = (content.given_name, content.family_name, content.document_number)
        is_drawable = components.is_drawable and head.is_drawable
        if not is_drawable or any(map(undrawable_characters, own)):
            require_drawable(content)
        name = student_name(content.student_name)
        if possible is not None:
            self._require_possible(content, possible, head, name.height)
        for number, attempt in enumerate(ATTEMPTS):
            height = head.title_height + name.height + head.facts_height(attempt.density)
            template = self._template(
                number, components, head.document_title, height, head.fact_count
            )
            if template is not None:
                facts = head.facts_stream(attempt.density)
                lines = (head.title_stream, write_content_stream(name, NAME_MCID), facts)
                return self._layout(template, content, lines)
        raise OverfullFicheError(content.document_number)

    def _require_possible(
        self,
        content: FicheContent,
        possible: PossibleSections,
        head: HeadFragments,
        name_height: float,
    ) -> None:
        if not self._is_drawable(possible):
            for sections in possible.variants:
                require_drawable(replace(content, sections=sections))
        if not self._fits(possible, head, name_height):
            raise OverfullFicheError(content.document_number)

    def _is_drawable_at_each_level(self, possible: PossibleSections) -> bool:
        return all(self._components.get(sections).is_drawable for sections in possible.variants)

    def _fits_at_each_level(
        self, possible: PossibleSections, head: HeadFragments, name_height: float
    ) -> bool:
        """Return True if at some attempt the tallest variant of every component fits."""
        variants = [self._components.get(sections) for sections in possible.variants]
        for attempt in reversed(ATTEMPTS):
            own_height = head.title_height + name_height + head.facts_height(attempt.density)
            blocks = zip(*(one.blocks(attempt.density) for one in variants), strict=True)
            tallest = [max(block, key=attrgetter("height")) for block in blocks]
            if self._pages(attempt, own_height, tallest) is not None:
                return True
        return False

    def _pages(
        self, attempt: Attempt, own_height: float, body: Sequence[Block]
    ) -> list[list[Block]] | None:
        """Return the pages of a fiche, of which the first block is its own; None if they overflow.

        `own_height` is that of title, name and facts.
        """
        opening = introduction(self.texts.fiche, attempt.density)
        first = Block(own_height + opening.height, ())
        guide = reading_guide(self.texts.fiche, attempt.density)
        return fit_pages([first, *body, guide], attempt.max_pages)

    def _compile_template(
        self,
        attempt_number: int,
        components: ComponentFragments,
        title: str,
        own_height: float,
        fact_count: int,
    ) -> PageTemplate | None:
        """Return None if the fiche does not fit at this attempt."""
        attempt = ATTEMPTS[attempt_number]
        pages = self._pages(attempt, own_height, components.blocks(attempt.density))
        if pages is None:
            return None
        opening = introduction(self.texts.fiche, attempt.density)
        own = (StructureElement("H1"), _PARAGRAPH, *[StructureElement("LI")] * fact_count)
        top, further_top = GEOMETRY.blocks_top(1), GEOMETRY.blocks_top(2)
        contents = [_page_content(own, [opening, *pages[0][1:]], top - own_height)]
        contents += [_page_content((_PARAGRAPH,), blocks, further_top) for blocks in pages[1:]]
        metadata = DocumentMetadata(title, self.texts.language, self.version, PRODUCER)
        return compile_page_template(self.prefix, metadata, GEOMETRY, contents)

    def _layout(
        self, template: PageTemplate, content: FicheContent, lines: tuple[ContentStream, ...]
    ) -> FicheLayout:
        fallback = template.fallback_characters.union(*(line.fallback_characters for line in lines))
        streams = [_AT_TOP + b"".join([line.operators for line in lines])]
        count = len(template.foot_mcids)
        for page, mcid in enumerate(template.foot_mcids, start=1):
            if page > 1:
                head = write_content_stream(running_head(content, self.texts.fiche), 0)
                fallback |= head.fallback_characters
                streams.append(_AT_TOP + head.operators + RESTORE_STATE + _AT_FURTHER_TOP)
            if _REGULAR_NUMBER.fullmatch(content.document_number):
                written = content.document_number.encode("utf-16-be")
                streams.append(written.join(self._around_number(page, count, mcid)))
            else:
                end = self._foot(content.document_number, page, count, mcid)
                fallback |= end.fallback_characters
                streams.append(_AT_FOOT + end.operators + RESTORE_STATE)
        return FicheLayout(content, template, tuple(streams), fallback)

    def to_file(self, layout: FicheLayout) -> PdfFile:
        return write_file(self.prefix, layout.template, self._own_objects(layout))

    def _foot(self, document_number: str, page: int, count: int, mcid: int) -> ContentStream:
        block = foot(document_number, self.version, self.texts.fiche, page, count)
        return write_content_stream(block, mcid)

    def _split_foot(self, page: int, count: int, mcid: int) -> list[bytes]:
        """Return the foot's stream before and after a document number of the regular form."""
        end = self._foot(_SAMPLE_NUMBER, page, count, mcid)
        stream = _AT_FOOT + end.operators + RESTORE_STATE
        return stream.split(_SAMPLE_NUMBER.encode("utf-16-be"))

    def _own_objects(self, layout: FicheLayout) -> list[bytes]:
        first, fallback = layout.template.first_own, layout.fallback_characters
        subject = f"{self.texts.fiche.document} {layout.content.document_number}"
        information = information_dictionary(layout.template.metadata, subject)
        # Deflating saves little and takes long; it makes up for the size of a fallback font.
        write = deflated_stream_object if fallback else stream_object
        streams = [write(number, data) for number, data in enumerate(layout.streams, first + 2)]
        entries = b""
        fonts: list[bytes] = []
        if fallback:
            entries, fonts = self._fallback_fonts(fallback, first + 2 + len(streams))
        resources = indirect_object(first, resource_dictionary(entries))
        return [resources, indirect_object(first + 1, information), *streams, *fonts]


def _page_content(
    head: tuple[StructureElement, ...], blocks: list[Block], top: float
) -> PageContent:
    fragments = []
    mcid = len(head)
    for block in blocks:
        deflated, stream = _deflated_stream(block, mcid)
        fragments.append(Fragment.of(stream, deflated, top))
        mcid += len(stream.elements)
        top -= block.height
    return PageContent(head, tuple(fragments))
