"""The fragments that many fiches share, cached: components; title and facts of a class group."""

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

from services.worker.documents.fiche_blocks import Density, section_blocks
from services.worker.documents.fiche_head import (
    FicheFacts,
    fact_blocks,
    fact_rows,
    facts_height,
    title,
)
from services.worker.layout.blocks import Block
from services.worker.pdf.content_stream import (
    ContentStream,
    join_content_streams,
    write_content_stream,
)
from shared.core.drawable_text import undrawable_characters
from shared.core.invisible import remove_invisible
from shared.documents.content import Level, SubjectSection
from shared.documents.texts import Texts

TITLE_MCID, NAME_MCID, FIRST_FACT_MCID = range(3)
"""MCIDs of the first elements on the first page; the components follow the facts."""

_MAX_CACHED_COMPONENTS = 2048
_MAX_CACHED_SCALES = 1024
_Key = tuple[Any, ...]


class ComponentFragments:
    """The components of a fiche as blocks, laid out once per density on first use."""

    def __init__(self, sections: tuple[SubjectSection, ...], texts: Texts) -> None:
        self.is_drawable = not any(map(undrawable_characters, _component_texts(sections)))
        self._sections, self._texts = sections, texts
        self._blocks: dict[Density, tuple[Block, ...]] = {}

    def blocks(self, density: Density) -> tuple[Block, ...]:
        if density not in self._blocks:
            self._blocks[density] = tuple(
                block
                for section in self._sections
                for block in section_blocks(section, self._texts, density)
            )
        return self._blocks[density]


class HeadFragments:
    """The title and the facts around a name, which are the same for a class group."""

    def __init__(self, facts: FicheFacts, texts: Texts) -> None:
        self.is_drawable = not any(map(undrawable_characters, _fact_texts(facts)))
        self._rows = fact_rows(facts, texts)
        self.fact_count = sum(map(len, self._rows))
        self._heights: dict[Density, float] = {}
        self._streams: dict[Density, ContentStream] = {}
        block = title(texts.fiche, facts.administration)
        self.title_height, self.title_stream = block.height, _stream(block, TITLE_MCID)
        self.document_title = f"{texts.fiche.title} {remove_invisible(facts.administration.name)}"

    def facts_height(self, density: Density) -> float:
        if density not in self._heights:
            self._heights[density] = facts_height(self._rows, density)
        return self._heights[density]

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
            yield outcome.description or ""
            for level in outcome.scale:
                yield level.code + level.label


def _fact_texts(facts: FicheFacts) -> Iterator[str]:
    yield from (facts.administration.name, facts.administration.school_year)
    yield from (facts.school.name, facts.school.municipality)
    yield from (facts.target_group_name, facts.class_group, facts.site_name or "")


class ComponentFragmentsCache:
    """Component fragments by their texts, looked up without comparing the levels of each scale."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._scale_keys: dict[int, tuple[_Key, tuple[Level, ...]]] = {}
        self._fragments: dict[_Key, ComponentFragments] = {}
        self._lock = Lock()

    def get(self, sections: tuple[SubjectSection, ...]) -> ComponentFragments:
        key = tuple(
            [
                (
                    section.subject,
                    *(o.component, o.name, o.status, o.level and o.level.code),
                    *(o.description, self._scale_key(o.scale)),
                )
                for section in sections
                for o in section.outcomes
            ]
        )
        fragments = self._fragments.get(key)
        if fragments is None:
            fragments = ComponentFragments(sections, self._texts)
            with self._lock:
                if len(self._fragments) >= _MAX_CACHED_COMPONENTS:
                    self._fragments.pop(next(iter(self._fragments)))
                self._fragments[key] = fragments
        return fragments

    def _scale_key(self, scale: tuple[Level, ...]) -> _Key:
        """Cache by id, together with the scale: while it is cached, its id is not reused."""
        cached = self._scale_keys.get(id(scale))
        if cached is not None:
            return cached[0]
        key = tuple([(level.code, level.label, level.ordinal) for level in scale])
        with self._lock:
            if len(self._scale_keys) >= _MAX_CACHED_SCALES:
                self._scale_keys = {}
            self._scale_keys[id(scale)] = key, scale
        return key
