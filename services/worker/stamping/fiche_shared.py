"""What many fiches have in common, laid out once: components; title and facts of a class."""

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

from services.worker.rendering.fiche_blocks import Measure, section_blocks
from services.worker.rendering.fiche_head import FicheFacts, fact_rows, facts, facts_height, title
from services.worker.rendering.layout import Block
from services.worker.rendering.typesetting import undrawable
from services.worker.stamping.fiche_ink import Drawing, draw, joined
from shared.documents.content import Level, SubjectSection
from shared.documents.texts import Texts

TITLE_PART, NAME_PART, FIRST_FACT = range(3)
"""Numbers of the first parts on the first page; the components follow on the facts."""

_MOST_BODIES = 2048
_MOST_SCALES = 1024
_Key = tuple[Any, ...]


class Body:
    """The components of a fiche, laid out at a measure when that is asked for."""

    def __init__(self, sections: tuple[SubjectSection, ...], texts: Texts) -> None:
        self.is_drawable = not any(map(undrawable, _said_in(sections)))
        self._sections, self._texts = sections, texts
        self._blocks: dict[Measure, tuple[Block, ...]] = {}

    def blocks(self, measure: Measure) -> tuple[Block, ...]:
        if measure not in self._blocks:
            self._blocks[measure] = tuple(
                block
                for section in self._sections
                for block in section_blocks(section, self._texts, measure)
            )
        return self._blocks[measure]


class Place:
    """The title and the facts around a name, the same for a class."""

    def __init__(self, place: FicheFacts, texts: Texts) -> None:
        self.is_drawable = not any(map(undrawable, _said_of(place)))
        self._rows = fact_rows(place, texts)
        self.fact_count = sum(map(len, self._rows))
        self._heights: dict[Measure, float] = {}
        self._drawn: dict[Measure, Drawing] = {}
        block = title(texts.fiche, place.administration)
        self.title_height, self.title = block.height, _drawn(block, TITLE_PART)
        self.called = f"{texts.fiche.title} {place.administration.name}"

    def facts_height(self, measure: Measure) -> float:
        if measure not in self._heights:
            self._heights[measure] = facts_height(self._rows, measure)
        return self._heights[measure]

    def drawn_facts(self, measure: Measure) -> Drawing:
        if measure not in self._drawn:
            drawings: list[Drawing] = []
            part = FIRST_FACT
            for block in facts(self._rows, measure):
                drawings.append(_drawn(block, part))
                part += len(block.inks)
            self._drawn[measure] = joined(drawings)
        return self._drawn[measure]


@lru_cache(maxsize=16384)
def _drawn(block: Block, first: int) -> Drawing:
    return draw(block, first)


def _said_in(sections: tuple[SubjectSection, ...]) -> Iterator[str]:
    for section in sections:
        yield section.subject
        for outcome in section.outcomes:
            yield outcome.name
            yield outcome.description or ""
            for level in outcome.scale:
                yield level.code + level.label


def _said_of(place: FicheFacts) -> Iterator[str]:
    yield from (place.administration.name, place.administration.school_year)
    yield from (place.school.name, place.school.municipality)
    yield from (place.target_group_name, place.class_group, place.site_name or "")


class Bodies:
    """Bodies by what they say, found without comparing every level of every scale each time."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._scale_keys: dict[int, tuple[_Key, tuple[Level, ...]]] = {}
        self._bodies: dict[_Key, Body] = {}
        self._growing = Lock()

    def of(self, sections: tuple[SubjectSection, ...]) -> Body:
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
        body = self._bodies.get(key)
        if body is None:
            body = Body(sections, self._texts)
            with self._growing:
                if len(self._bodies) >= _MOST_BODIES:
                    self._bodies.pop(next(iter(self._bodies)))
                self._bodies[key] = body
        return body

    def _scale_key(self, scale: tuple[Level, ...]) -> _Key:
        """Kept by identity, with the scale itself: its id stays its own as long as it is known."""
        known = self._scale_keys.get(id(scale))
        if known is not None:
            return known[0]
        key = tuple([(level.code, level.label, level.ordinal) for level in scale])
        with self._growing:
            if len(self._scale_keys) >= _MOST_SCALES:
                self._scale_keys = {}
            self._scale_keys[id(scale)] = key, scale
        return key
