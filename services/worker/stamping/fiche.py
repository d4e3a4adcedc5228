"""Stamps fiches: a plan compiled once, the student's own lines put behind it."""

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

from services.worker.rendering.fiche import (
    ATTEMPTS,
    FOOT_TOP,
    LEFT,
    TOP,
    first_top,
    fitted,
    overfull,
    require_drawable,
    template_version,
)
from services.worker.rendering.fiche_blocks import guide
from services.worker.rendering.fiche_head import (
    FicheFacts,
    foot,
    introduction,
    name,
    running_head,
)
from services.worker.rendering.fonts import DRAWING, Face, faces
from services.worker.rendering.layout import Block
from services.worker.rendering.typesetting import undrawable
from services.worker.stamping.fiche_fonts import font_objects
from services.worker.stamping.fiche_ink import (
    RESOURCE_NAMES,
    SPARE,
    Drawing,
    Spare,
    SpokenPart,
    draw,
)
from services.worker.stamping.fiche_objects import (
    XREF_WIDTHS,
    deflated,
    deflated_stream,
    indirect,
    stream,
    text_string,
    xref_at,
)
from services.worker.stamping.fiche_plan import (
    BOLD,
    CATALOG,
    PRODUCER,
    REGULAR,
    Base,
    Plan,
    compiled,
)
from services.worker.stamping.fiche_shared import NAME_PART, Bodies, Body, Place
from services.worker.stamping.fiche_tree import Fragment, Page
from shared.documents.content import FicheContent
from shared.documents.texts import DUTCH, Texts

_ORIGIN = b"q 1 0 0 1 %.3f %.3f cm\n"
_AT_FIRST_TOP = _ORIGIN % (LEFT, first_top(1))
_AT_TOP = _ORIGIN % (LEFT, TOP)
_AT_FURTHER_TOP = _ORIGIN % (LEFT, first_top(2))
_AT_FOOT = b"Q\n" + _ORIGIN % (LEFT, FOOT_TOP)
_END = b"Q\n"
_PARAGRAPH = SpokenPart("P", "", None)
_USUAL_NUMBER = re.compile("[0-9A-Z]{10}")
_STAND_IN = "0" * 10
_Heights = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class StampedFiche:
    """A whole PDF, with what a store and a ZIP want to know of it."""

    data: bytes
    sha256: bytes
    crc32: int


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A fiche whose objects have no numbers yet.

    `streams` are the student's own: for each page what is drawn before the fragments, and after.
    """

    content: FicheContent
    called: str
    plan: Plan
    streams: tuple[bytes, ...]
    spares: frozenset[Spare]


@lru_cache(maxsize=2048)
def _fragment(block: Block, first: int) -> tuple[bytes, Drawing]:
    drawing = draw(block, first)
    return deflated(drawing.operators), drawing


class FicheStamper:
    """Keeps what fiches have in common; may be shared by threads and used for any school.

    What it makes depends on the content and the texts only, never on what it made before.
    """

    def __init__(self, texts: Texts = DUTCH) -> None:
        with DRAWING:
            shipped = faces()
        self.texts, self.version = texts, template_version(texts)
        self.base = Base.of(texts)
        self._faces: dict[str, Face] = {f.name: f for f in (*shipped.regular, *shipped.bold)}
        # Bounded, so that memory stays flat: a plan is some 8 KB, the others are smaller.
        self._bodies = Bodies(texts)
        self._place = lru_cache(maxsize=256)(lambda place: Place(place, texts))
        self._plan = lru_cache(maxsize=4096)(self._new_plan)
        self._around_number = lru_cache(maxsize=256)(self._new_around_number)
        self._spare_fonts = lru_cache(maxsize=256)(self.spare_fonts)

    def stamp(self, content: FicheContent) -> StampedFiche:
        """What `lay_out` returns and raises, as a file of its own."""
        return self.closed(self.lay_out(content))

    def lay_out(self, content: FicheContent) -> LaidOut:
        """The same content gives the same bytes, on any machine that has the same zlib.

        Raises UndrawableTextError for a character no shipped face has, OverfullFicheError for
        texts that no longer fit.
        """
        body = self._bodies.of(content.sections)
        place = self._place(FicheFacts.of(content))
        own = (content.given_name, content.family_name, content.document_number)
        if not (body.is_drawable and place.is_drawable) or any(map(undrawable, own)):
            require_drawable(content)
        own_name = name(content.given_name, content.family_name)
        for attempt, (measure, _) in enumerate(ATTEMPTS):
            heights = (place.title_height, own_name.height, place.facts_height(measure))
            plan = self._plan(attempt, body, place.called, heights, place.fact_count)
            if plan is not None:
                lines = (place.title, draw(own_name, NAME_PART), place.drawn_facts(measure))
                return self._laid_out(plan, content, place.called, lines)
        raise overfull(content.document_number)

    def _new_plan(
        self, attempt: int, body: Body, called: str, heights: _Heights, fact_count: int
    ) -> Plan | None:
        """None when it does not fit at this attempt; heights of title, name and facts."""
        measure, most = ATTEMPTS[attempt]
        words = self.texts.fiche
        opening = introduction(words, measure)
        own = sum(heights)
        first = Block(own + opening.height, ())
        pages = fitted([first, *body.blocks(measure), guide(words, measure)], most)
        if pages is None:
            return None
        spoken = [SpokenPart("H1", "", None), _PARAGRAPH]
        spoken += [SpokenPart("LI", "", None)] * fact_count
        planned = [_page(tuple(spoken), [opening, *pages[0][1:]], first_top(1) - own)]
        planned += [_page((_PARAGRAPH,), blocks, first_top(2)) for blocks in pages[1:]]
        return compiled(self.base, called, self.texts, planned)

    def _laid_out(
        self, plan: Plan, content: FicheContent, called: str, lines: tuple[Drawing, ...]
    ) -> LaidOut:
        spares = plan.spares.union(*(line.spares for line in lines))
        streams = [_AT_FIRST_TOP + b"".join([line.operators for line in lines])]
        count = len(plan.foot_parts)
        for number, part in enumerate(plan.foot_parts, start=1):
            if number > 1:
                head = draw(running_head(content, self.texts.fiche), 0)
                spares |= head.spares
                streams.append(_AT_TOP + head.operators + _END + _AT_FURTHER_TOP)
            if _USUAL_NUMBER.fullmatch(content.document_number):
                written = content.document_number.encode("utf-16-be")
                streams.append(written.join(self._around_number(number, count, part)))
            else:
                end = self._foot(content.document_number, number, count, part)
                spares |= end.spares
                streams.append(_AT_FOOT + end.operators + _END)
        return LaidOut(content, called, plan, tuple(streams), spares)

    def closed(self, fiche: LaidOut) -> StampedFiche:
        return _closed(self.base, fiche.plan, self._own_objects(fiche))

    def _foot(self, document_number: str, number: int, count: int, part: int) -> Drawing:
        return draw(foot(document_number, self.version, self.texts.fiche, number, count), part)

    def _new_around_number(self, number: int, count: int, part: int) -> list[bytes]:
        """The foot's stream before and after a usual document number, wherever that stands."""
        end = self._foot(_STAND_IN, number, count, part)
        return (_AT_FOOT + end.operators + _END).split(_STAND_IN.encode("utf-16-be"))

    def _own_objects(self, fiche: LaidOut) -> list[bytes]:
        first, spares = fiche.plan.first_own, fiche.spares
        info = b"<</Title%b/Subject%b/Creator%b/Producer%b>>" % (
            text_string(fiche.called),
            text_string(f"{self.texts.fiche.document} {fiche.content.document_number}"),
            text_string(self.version),
            text_string(PRODUCER),
        )
        # A fiche with fonts of its own saves elsewhere; for the others deflating takes too long.
        write = deflated_stream if spares else stream
        drawn = [write(number, data) for number, data in enumerate(fiche.streams, start=first + 2)]
        names = b""
        fonts: list[bytes] = []
        if spares:
            names, fonts = self._spare_fonts(spares, first + 2 + len(drawn))
        return [indirect(first, resources(names)), indirect(first + 1, info), *drawn, *fonts]

    def spare_fonts(self, spares: frozenset[Spare], first: int) -> tuple[bytes, list[bytes]]:
        """Names for the resources, and the objects of a font for each face that needs one."""
        names = b""
        objects: list[bytes] = []
        for face_name in sorted({face_name for face_name, _ in spares}):
            letters = frozenset(letter for of, letter in spares if of == face_name)
            number = first + len(objects)
            names += b"/%b%b %d 0 R" % (RESOURCE_NAMES[face_name], SPARE, number)
            bodies, streams = font_objects(self._faces[face_name], letters, number)
            objects += [indirect(*one) for one in bodies.items()]
            objects += streams.values()
        return names, objects


def resources(spare_fonts: bytes) -> bytes:
    """What pages draw with: the two standing fonts, and those named here."""
    return b"<</Font<</R %d 0 R/B %d 0 R%b>>>>" % (REGULAR, BOLD, spare_fonts)


def _page(head: tuple[SpokenPart, ...], blocks: list[Block], top: float) -> Page:
    fragments = []
    part = len(head)
    for block in blocks:
        data, drawing = _fragment(block, part)
        fragments.append(Fragment.of(drawing, data, top))
        part += len(drawing.parts)
        top -= block.height
    return Page(head, tuple(fragments))


def _closed(base: Base, plan: Plan, objects: list[bytes]) -> StampedFiche:
    """The plan with its own objects, and the stream that says where all objects stand."""
    entries, end = [plan.xref], plan.size
    for one in objects:
        entries.append(xref_at(end))
        end += len(one)
    entries.append(xref_at(end))
    number = plan.first_own + len(objects)
    xref = b"".join(entries)
    tail = b"%b%d 0 obj\n<</Type/XRef/Size %d/W%b/Root %d 0 R/Info %d 0 R/Length %d/ID" % (
        b"".join(objects),
        number,
        number + 1,
        XREF_WIDTHS,
        CATALOG,
        plan.first_own + 1,
        len(xref),
    )
    hasher = plan.hasher.copy()
    hasher.update(tail)
    identity = hasher.hexdigest()[:32].encode("ascii")
    last = b"[<%b><%b>]>>stream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (
        identity,
        identity,
        xref,
        end,
    )
    hasher.update(last)
    crc32 = zlib.crc32(last, zlib.crc32(tail, plan.crc32))
    return StampedFiche(b"".join((base.data, plan.data, tail, last)), hasher.digest(), crc32)
