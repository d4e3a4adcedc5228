"""The fragments that many fiches share, cached: components; title and facts of a class group."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from services.worker.documents.fiche_back import back_flow
from services.worker.documents.fiche_blocks import front_flow
from services.worker.documents.fiche_head import (
    MAX_SHORT_LINE,
    FicheFacts,
    fact_blocks,
    fact_rows,
    facts_height,
    numbers,
    running_head,
    title,
)
from services.worker.documents.fiche_pages import (
    FRONT_DENSITIES,
    GEOMETRY,
    Pages,
    back_pages,
)
from services.worker.documents.fiche_style import Density
from services.worker.layout.blocks import Block, FlowBlock
from services.worker.layout.fonts import font_faces
from services.worker.pdf.content_stream import (
    RESTORE_STATE,
    ContentStream,
    LineStream,
    StructureElement,
    join_content_streams,
    save_state_at,
    write_content_stream,
)
from services.worker.pdf.objects import deflate
from services.worker.pdf.structure_tree import Fragment, PageContent
from shared.core.drawable_text import undrawable_characters
from shared.core.identity_cache import IdentityCache
from shared.core.invisible import remove_invisible
from shared.documents.content import SubjectSection
from shared.documents.texts import Texts
from shared.documents.viewing_periods import ViewingPeriod

TITLE_MCID, NAME_MCID, NUMBERS_MCID, FIRST_FACT_MCID = range(4)
"""MCIDs on the first page: title and name have one heading, then the numbers of the student."""

_MAX_CACHED_COMPONENTS = 2048
_AT_FOOT = RESTORE_STATE + save_state_at(GEOMETRY.left, GEOMETRY.foot_top)
_Viewing = tuple[ViewingPeriod, ...] | None


class ComponentFragments:
    """The components of a fiche as blocks, laid out once per density on first use."""

    def __init__(self, sections: tuple[SubjectSection, ...], texts: Texts) -> None:
        self.is_drawable = not any(map(undrawable_characters, _component_texts(sections)))
        self.sections, self._texts = sections, texts
        self._fronts: dict[Density, tuple[FlowBlock, ...]] = {}
        self._backs: dict[_Viewing, Pages | None] = {}

    @property
    def has_level(self) -> bool:
        return any(one.level for section in self.sections for one in section.outcomes)

    def front(self, density: Density) -> tuple[FlowBlock, ...]:
        """Return the flow of the front below the introduction."""
        if density not in self._fronts:
            self._fronts[density] = tuple(front_flow(self.sections, self._texts, density))
        return self._fronts[density]

    def back(self, periods: _Viewing) -> Pages | None:
        """Return the pages after the front; None if they do not fit."""
        if periods not in self._backs:
            self._backs[periods] = back_pages(
                lambda density: list(back_flow(self.sections, periods, self._texts, density))
            )
        return self._backs[periods]


class HeadShape(NamedTuple):
    """The title and the heights of a head, on which a layout depends; most are the same.

    `facts_heights` are at each density of a front.
    """

    document_title: str
    title_height: float
    fact_count: int
    facts_heights: tuple[float, ...]

    def height(self, density: Density) -> float:
        """Return the height of title and facts, without the student between them."""
        return self.title_height + self.facts_heights[FRONT_DENSITIES.index(density)]


class HeadFragments:
    """The title and the facts around a name, which are the same for a class group."""

    def __init__(self, facts: FicheFacts, texts: Texts) -> None:
        self.is_drawable = not any(map(undrawable_characters, _fact_texts(facts)))
        self._rows = fact_rows(facts, texts)
        self._streams: dict[Density, ContentStream] = {}
        block = title(texts.fiche, facts.administration)
        self.title_stream = _stream(block, TITLE_MCID)
        self.shape = HeadShape(
            f"{texts.fiche.title} {remove_invisible(facts.administration.name)}",
            block.height,
            sum(map(len, self._rows)),
            tuple([facts_height(self._rows, density) for density in FRONT_DENSITIES]),
        )

    def facts_stream(self, density: Density) -> ContentStream:
        if density not in self._streams:
            streams: list[ContentStream] = []
            mcid = FIRST_FACT_MCID
            for block in fact_blocks(self._rows, density):
                streams.append(_stream(block, mcid))
                mcid += len(block.contents)
            self._streams[density] = join_content_streams(streams)
        return self._streams[density]


@lru_cache(maxsize=16384)
def _stream(block: Block, first: int) -> ContentStream:
    return write_content_stream(block, first)


def _component_texts(sections: tuple[SubjectSection, ...]) -> Iterator[str]:
    for section in sections:
        yield section.subject
        for outcome in section.outcomes:
            yield outcome.name
            yield from filter(None, outcome.descriptions)
            for level in outcome.scale:
                yield level.code + level.label


def _fact_texts(facts: FicheFacts) -> Iterator[str]:
    yield from (facts.administration.name, facts.administration.school_year)
    yield from (facts.school.name, facts.school.municipality)
    yield from (facts.target_group_name, facts.class_group, facts.site_name or "")


class OwnLines:
    """The lines of a student that most fiches have in the same place, of another text."""

    def __init__(self) -> None:
        faces = font_faces()
        self._numbers = LineStream.of(numbers("X"), "X", faces.regular[0], NUMBERS_MCID)
        self._head = LineStream.of(running_head("X"), "X", faces.bold[0], 0)

    def numbers(self, text: str) -> ContentStream:
        stream = self._numbers.with_text(text) if len(text) <= MAX_SHORT_LINE else None
        return stream or write_content_stream(numbers(text), NUMBERS_MCID)

    def running_head(self, text: str) -> ContentStream:
        stream = self._head.with_text(text) if len(text) <= MAX_SHORT_LINE else None
        return stream or write_content_stream(running_head(text), 0)


def component_fragments(
    texts: Texts,
) -> Callable[[tuple[SubjectSection, ...]], ComponentFragments]:
    """Return a cached factory: equal sections have the same fragments.

    Students with the same outcomes have the same sections, which are found by their identity.
    """
    by_value = lru_cache(_MAX_CACHED_COMPONENTS)(
        lambda sections: ComponentFragments(sections, texts)
    )
    return IdentityCache(by_value, _MAX_CACHED_COMPONENTS)


@lru_cache(maxsize=2048)
def _deflated_stream(block: Block, first: int) -> tuple[bytes, ContentStream]:
    stream = write_content_stream(block, first)
    return deflate(stream.operators), stream


@lru_cache(maxsize=256)
def _deflated_foot(block: Block) -> Fragment:
    stream = write_content_stream(block, 0)
    operators = _AT_FOOT + stream.operators + RESTORE_STATE
    return Fragment.of(stream, deflate(operators), GEOMETRY.foot_top)


def page_content(
    head: tuple[StructureElement, ...], blocks: list[Block], top: float, end: Block
) -> PageContent:
    """Return a page with these blocks from `top` down, after the elements of its own stream."""
    fragments = []
    mcid = sum(element.count for element in head)
    for block in blocks:
        deflated, stream = _deflated_stream(block, mcid)
        fragments.append(Fragment.of(stream, deflated, top))
        mcid += len(stream.elements)
        top -= block.height
    return PageContent(head, (*fragments, _deflated_foot(end)))
