"""The renderer of fiches: page templates compiled once, completed with each student's own lines."""

from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from typing import Final

from services.worker.documents.fiche_head import (
    NUMBERS_HEIGHT,
    FicheFacts,
    foot,
    introduction,
    introduction_text,
    numbers_text,
    running_head_text,
    student_name,
)
from services.worker.documents.fiche_pages import (
    GEOMETRY,
    MAX_PAGES,
    OverfullFicheError,
    Pages,
    front_density,
    front_pages,
    require_drawable,
    template_version,
)
from services.worker.documents.fiche_style import Density
from services.worker.documents.shared_fragments import (
    NAME_MCID,
    ComponentFragments,
    HeadFragments,
    HeadShape,
    OwnLines,
    component_fragments,
    page_content,
)
from services.worker.layout.blocks import Block, FlowBlock
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
from services.worker.pdf.file_prefix import FilePrefix
from services.worker.pdf.metadata import DocumentMetadata
from services.worker.pdf.own_objects import own_objects
from services.worker.pdf.page_template import PageTemplate, compile_page_template
from shared.core.drawable_text import undrawable_characters
from shared.documents.content import FicheContent, PossibleSections
from shared.documents.texts import DUTCH, Texts
from shared.documents.viewing_periods import ViewingPeriod

PRODUCER: Final = "toetsfeedback"
_AT_TOP = save_state_at(GEOMETRY.left, GEOMETRY.top)
_AT_FURTHER_TOP = RESTORE_STATE + save_state_at(GEOMETRY.left, GEOMETRY.further_top)
_HEAD_ELEMENTS = (StructureElement("H1", count=2), StructureElement("P"))
_FACT = StructureElement("LI")


@dataclass(frozen=True, slots=True)
class FicheLayout:
    """A fiche whose own objects have no numbers yet.

    `streams` are its own content streams, one per page, before the fragments.
    """

    content: FicheContent
    template: PageTemplate
    streams: tuple[bytes, ...]
    fallback_characters: frozenset[FallbackCharacter]


@dataclass(frozen=True, slots=True, eq=False)
class _FittedTemplate:
    """A page template, and the density of its front."""

    density: Density
    template: PageTemplate


class FicheRenderer:
    """A renderer of the fiches of any school, which threads may share.

    The bytes depend on the content, the texts and `has_back` only, not on the fiches before.
    Without a back, a fiche has no more than its front.
    """

    def __init__(self, texts: Texts = DUTCH, *, has_back: bool = True) -> None:
        with FONT_LOCK:
            font_faces()
        self.texts, self.has_back = texts, has_back
        self.version = template_version(texts, has_back=has_back)
        self.prefix = FilePrefix.of(texts.language)
        self._lines = OwnLines()
        # Bounded, so that memory stays flat: a template is some 12 KB, the others are smaller.
        self._components = component_fragments(texts)
        self._head = lru_cache(maxsize=256)(lambda facts: HeadFragments(facts, texts))
        self._fitted = lru_cache(maxsize=16384)(self._fit_template)
        self._template = lru_cache(maxsize=4096)(self._compile_template)
        self._fits = lru_cache(maxsize=4096)(self._fits_at_each_level)
        self._is_drawable = lru_cache(maxsize=1024)(self._is_drawable_at_each_level)
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
            OverfullFicheError: for texts that do not fit on its pages.
        """
        components = self._components(content.sections)
        head = self._head(FicheFacts.of(content))
        own = (content.given_name, content.family_name, content.document_number)
        is_drawable = components.is_drawable and head.is_drawable
        if not is_drawable or any(map(undrawable_characters, own)):
            require_drawable(content)
        name = student_name(content.student_name)
        height = name.height + NUMBERS_HEIGHT
        if possible is not None:
            self._require_possible(content, possible, head.shape, height)
        fitted = self._fitted(components, head.shape, height, content.viewing_periods)
        if fitted is None:
            raise OverfullFicheError(content.document_number)
        facts = head.facts_stream(fitted.density)
        name_stream = write_content_stream(name, NAME_MCID)
        own_numbers = self._lines.numbers(numbers_text(content, self.texts.fiche))
        lines = (head.title_stream, name_stream, own_numbers, facts)
        return self._layout(fitted.template, content, lines)

    def _require_possible(
        self,
        content: FicheContent,
        possible: PossibleSections,
        head: HeadShape,
        name_height: float,
    ) -> None:
        if not self._is_drawable(possible):
            for sections in possible.variants:
                require_drawable(replace(content, sections=sections))
        if not self._fits(possible, head, name_height, content.viewing_periods):
            raise OverfullFicheError(content.document_number)

    def _is_drawable_at_each_level(self, possible: PossibleSections) -> bool:
        return all(self._components(sections).is_drawable for sections in possible.variants)

    def _fits_at_each_level(
        self,
        possible: PossibleSections,
        head: HeadShape,
        name_height: float,
        periods: tuple[ViewingPeriod, ...] | None,
    ) -> bool:
        """Return True if the tallest variant of every component fits; all have the same back."""
        variants = [self._components(sections) for sections in possible.variants]

        def tallest(density: Density) -> list[FlowBlock]:
            flows = zip(*(one.front(density) for one in variants), strict=True)
            blocks = [max(flow, key=attrgetter("block.height")) for flow in flows]
            return [self._opening(variants[0], head, name_height, density), *blocks]

        front = front_pages(tallest(front_density(tallest)))
        return front is not None and self._with_back(front, variants[0], periods) is not None

    def _opening(
        self,
        components: ComponentFragments,
        head: HeadShape,
        name_height: float,
        density: Density,
    ) -> FlowBlock:
        """Return the height of title, student and facts as a block, with the introduction."""
        text = introduction_text(components.sections, self.texts.fiche)
        own_height = head.height(density) + name_height
        return FlowBlock(Block(own_height + introduction(text, density).height, ()))

    def _with_back(
        self,
        front: Pages,
        components: ComponentFragments,
        periods: tuple[ViewingPeriod, ...] | None,
    ) -> Pages | None:
        """Return all pages; None if they are too many. A fiche without any level has no back."""
        if not self.has_back or not components.has_level:
            return front
        back = components.back(periods)
        return None if back is None or len(front) + len(back) > MAX_PAGES else [*front, *back]

    def _fit_template(
        self,
        components: ComponentFragments,
        head: HeadShape,
        name_height: float,
        periods: tuple[ViewingPeriod, ...] | None,
    ) -> _FittedTemplate | None:
        """Return the template of a fiche; None if it does not fit."""
        density = front_density(
            lambda density: [
                self._opening(components, head, name_height, density),
                *components.front(density),
            ]
        )
        own_height = head.height(density) + name_height
        template = self._template(
            components, density, head.document_title, own_height, head.fact_count, periods
        )
        return None if template is None else _FittedTemplate(density, template)

    def _compile_template(
        self,
        components: ComponentFragments,
        density: Density,
        title: str,
        own_height: float,
        fact_count: int,
        periods: tuple[ViewingPeriod, ...] | None,
    ) -> PageTemplate | None:
        """Return the template of the front at a density and the back; None with too many pages."""
        text = introduction_text(components.sections, self.texts.fiche)
        opening = introduction(text, density)
        first = FlowBlock(Block(own_height + opening.height, ()))
        front = front_pages([first, *components.front(density)])
        pages = front and self._with_back(front, components, periods)
        if pages is None:
            return None
        head = (*_HEAD_ELEMENTS, *[_FACT] * fact_count)
        feet = [
            foot(self.version, self.texts.fiche, page, len(pages))
            for page in range(1, len(pages) + 1)
        ]
        top, further_top = GEOMETRY.blocks_top(1), GEOMETRY.blocks_top(2)
        contents = [page_content(head, [opening, *pages[0][1:]], top - own_height, feet[0])]
        contents += [
            page_content((), blocks, further_top, end)
            for blocks, end in zip(pages[1:], feet[1:], strict=True)
        ]
        metadata = DocumentMetadata(title, self.texts.language, self.version, PRODUCER)
        return compile_page_template(self.prefix, metadata, GEOMETRY, contents)

    def _layout(
        self, template: PageTemplate, content: FicheContent, lines: tuple[ContentStream, ...]
    ) -> FicheLayout:
        fallback = template.fallback_characters.union(*(line.fallback_characters for line in lines))
        streams = [_AT_TOP + b"".join([line.operators for line in lines])]
        further_pages = len(template.pages) - 1
        if further_pages:
            head = self._lines.running_head(running_head_text(content, self.texts.fiche))
            fallback |= head.fallback_characters
            streams += [_AT_TOP + head.operators + _AT_FURTHER_TOP] * further_pages
        return FicheLayout(content, template, tuple(streams), fallback)

    def to_file(self, layout: FicheLayout) -> PdfFile:
        subject = f"{self.texts.fiche.document} {layout.content.document_number}"
        fallback = layout.fallback_characters
        own = own_objects(layout.template, layout.streams, fallback, subject, self._fallback_fonts)
        return write_file(self.prefix, layout.template, own)
