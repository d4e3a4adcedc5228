"""The hand-out list of a class group: who has a fiche, who has none and why, and how to proceed.

Lists of equally many students have one page template; all their texts are in their own streams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from services.worker.documents.fiche import PRODUCER, FicheRenderer
from services.worker.documents.fiche_head import foot, running_head
from services.worker.documents.fiche_pages import (
    FIRST_PAGE_HEIGHT,
    FURTHER_PAGE_HEIGHT,
    GEOMETRY,
)
from services.worker.documents.hand_out_blocks import (
    facts,
    guide,
    heading,
    summary,
    third_parties,
)
from services.worker.documents.hand_out_table import (
    TableEntry,
    drawable,
    table_header,
    table_height,
    write_row,
)
from services.worker.documents.shared_fragments import page_content
from services.worker.layout.blocks import Block
from services.worker.pdf.content_stream import (
    RESTORE_STATE,
    ContentStream,
    StructureElement,
    save_state_at,
    write_content_stream,
)
from services.worker.pdf.fallback_font import FallbackCharacter
from services.worker.pdf.file import PdfFile, write_file
from services.worker.pdf.metadata import DocumentMetadata
from services.worker.pdf.own_objects import own_objects
from services.worker.pdf.page_template import PageTemplate, compile_page_template
from shared.core.invisible import remove_invisible
from shared.documents.hand_out_lists.content import HandOutListContent, MissingReason
from shared.documents.texts import DUTCH

HAND_OUT_VERSION: Final = f"hand-out-1.{DUTCH.version}"
"""Raise the number with any change in how a hand-out list looks: it marks older ones as stale."""

_ROW_HEIGHTS = (26.0, 24.0, 22.0, 20.0, 18.5)
"""The first with which all students are on one page is used, or else `_ROW_HEIGHT`."""

_ROW_HEIGHT = 22.0
_AT_TOP = save_state_at(GEOMETRY.left, GEOMETRY.top)
_AT_FURTHER_TOP = RESTORE_STATE + save_state_at(GEOMETRY.left, GEOMETRY.further_top)

_Elements = tuple[StructureElement, ...]
_shared_stream = lru_cache(maxsize=1024)(write_content_stream)


@dataclass(frozen=True, slots=True)
class HandOutListLayout:
    """A hand-out list whose own objects have no numbers yet; `subject` names the class group."""

    subject: str
    template: PageTemplate
    streams: tuple[bytes, ...]
    fallback_characters: frozenset[FallbackCharacter]


class _Page:
    """The streams of a page from its top down, with MCIDs from 0 on."""

    def __init__(self, room: float) -> None:
        self.room = room
        self.streams: list[ContentStream] = []
        self._next_mcid = 0

    def add(self, block: Block, *, is_shared: bool = False) -> None:
        """Add a block; a shared one is the same object in other lists."""
        self.room -= block.height
        write = _shared_stream if is_shared else write_content_stream
        self._add(write(block, self._next_mcid))

    def add_row(self, entry: TableEntry, height: float) -> None:
        self.room -= table_height((entry,), height)
        self._add(write_row(entry, height, self._next_mcid))

    def _add(self, stream: ContentStream) -> None:
        self.streams.append(stream)
        self._next_mcid += sum([element.count for element in stream.elements])

    @property
    def operators(self) -> bytes:
        return b"".join([stream.operators for stream in self.streams])

    @property
    def elements(self) -> _Elements:
        return tuple([element for stream in self.streams for element in stream.elements])


class HandOutListRenderer:
    """A renderer of hand-out lists in the type of a renderer of fiches; threads may share it.

    The bytes depend on the content and on that renderer only.
    """

    def __init__(self, fiches: FicheRenderer) -> None:
        self._prefix, self._texts, self._has_back = fiches.prefix, fiches.texts, fiches.has_back
        self.version = HAND_OUT_VERSION.replace(DUTCH.version, fiches.texts.version)
        self._template = lru_cache(maxsize=1024)(self._compile_template)
        self._guide = lru_cache(maxsize=64)(lambda of: guide(of, fiches.texts.hand_out))

    def lay_out(self, content: HandOutListContent) -> HandOutListLayout:
        """Lay out a list. No content makes it fail: a letter that cannot be drawn is replaced."""
        shown, words = _drawable_content(content), self._texts.hand_out
        pages = self._pages(shown)
        subject = f"{words.title} {shown.class_group}, {shown.administration.name}"
        head = write_content_stream(running_head(subject), 0)
        streams = [_AT_TOP + pages[0].operators]
        streams += [_AT_TOP + head.operators + _AT_FURTHER_TOP + one.operators for one in pages[1:]]
        title = remove_invisible(f"{words.title} {shown.administration.name}")
        template = self._template(title, tuple(page.elements for page in pages))
        found = [one.fallback_characters for page in pages for one in page.streams]
        fallback = template.fallback_characters.union(head.fallback_characters, *found)
        return HandOutListLayout(remove_invisible(subject), template, tuple(streams), fallback)

    def to_file(self, layout: HandOutListLayout) -> PdfFile:
        own = own_objects(
            layout.template, layout.streams, layout.fallback_characters, layout.subject
        )
        return write_file(self._prefix, layout.template, own)

    def _compile_template(self, title: str, pages: tuple[_Elements, ...]) -> PageTemplate:
        feet = (
            foot(self.version, self._texts.fiche, number, len(pages))
            for number in range(1, len(pages) + 1)
        )
        contents = [
            page_content(elements, [], 0.0, end) for elements, end in zip(pages, feet, strict=True)
        ]
        metadata = DocumentMetadata(title, self._texts.language, self.version, PRODUCER)
        return compile_page_template(self._prefix, metadata, GEOMETRY, contents)

    def _pages(self, content: HandOutListContent) -> list[_Page]:
        """Return the pages of the table, and the guide: on a back side if the fiches have one."""
        pages = list(self._table_pages(content))
        missing = {entry.missing for entry in content.entries}
        last = self._guide(tuple(reason for reason in MissingReason if reason in missing))
        if last.height > pages[-1].room or (self._has_back and len(pages) % 2):
            pages.append(_Page(FURTHER_PAGE_HEIGHT))
        pages[-1].add(last, is_shared=True)
        return pages

    def _table_pages(self, content: HandOutListContent) -> Iterator[_Page]:
        words = self._texts.hand_out
        page, header = _Page(FIRST_PAGE_HEIGHT), table_header(words.columns)
        page.add(heading(content, words))
        for block in facts(content, self._texts):
            page.add(block, is_shared=True)
        page.add(summary(content, words))
        page.add(third_parties(words.third_parties), is_shared=True)
        page.add(header, is_shared=True)
        entries = [TableEntry.of(entry, words) for entry in content.entries]
        height = _row_height(entries, page.room)
        for entry in entries:
            if table_height((entry,), height) > page.room:
                yield page
                page = _Page(FURTHER_PAGE_HEIGHT)
                page.add(header, is_shared=True)
            page.add_row(entry, height)
        yield page


def _row_height(entries: Sequence[TableEntry], room: float) -> float:
    fitting = (height for height in _ROW_HEIGHTS if table_height(entries, height) <= room)
    return next(fitting, _ROW_HEIGHT)


def _drawable_content(content: HandOutListContent) -> HandOutListContent:
    """Return the content with drawable texts, but for the names of students."""
    administration, school = content.administration, content.school
    return replace(
        content,
        administration=replace(
            administration,
            name=drawable(administration.name),
            school_year=drawable(administration.school_year),
        ),
        school=replace(
            school, name=drawable(school.name), municipality=drawable(school.municipality)
        ),
        target_group_name=drawable(content.target_group_name),
        class_group=drawable(content.class_group),
        site_name=drawable(content.site_name or ""),
    )
