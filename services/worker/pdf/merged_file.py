"""One tagged PDF of several documents with an outline, in which shared objects occur once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.worker.pdf.cross_reference import FIELD_WIDTHS, FREE_ENTRY
from services.worker.pdf.fallback_font import FallbackCharacter, fallback_fonts
from services.worker.pdf.file_prefix import (
    CATALOG,
    DOCUMENT,
    FIRST_FREE,
    METADATA,
    PAGES,
    STRUCTURE_ROOT,
    FilePrefix,
    catalog,
    page_dictionary,
    resource_dictionary,
    root_objects,
    structure_root,
)
from services.worker.pdf.metadata import (
    DocumentMetadata,
    information_dictionary,
    metadata_stream,
)
from services.worker.pdf.objects import (
    ObjectTemplate,
    ObjectWriter,
    batched_objects,
    stream_object,
    text_string,
)
from services.worker.pdf.page_geometry import PageGeometry
from services.worker.pdf.page_template import PageTemplate
from services.worker.pdf.structure_tree import StructureTree

_OUTLINE, _RESOURCES, _INFORMATION = range(FIRST_FREE, FIRST_FREE + 3)
_NUMBER = b"%7d"  # of a fixed width, so that the offset of each object is known beforehand


@dataclass(frozen=True, slots=True)
class FileSection:
    """A document in a merged file.

    `streams` are its own content streams, one per page, before its fragments.
    """

    template: PageTemplate
    streams: tuple[bytes, ...]
    fallback_characters: frozenset[FallbackCharacter]
    bookmark: str


@dataclass(frozen=True, slots=True, eq=False)
class _SectionTemplate:
    """An object stream with the pages and the structure of a section, without object numbers.

    Indices of numbers: a Sect element, the pages, their elements and their arrays in the parent
    tree, which are the `compressed` objects; an own content stream per page, and the object stream
    itself, which make `size`. `body` also refers to fragments and to StructParents keys.
    """

    body: ObjectTemplate
    first: int
    compressed: int
    size: int

    @classmethod
    def of(cls, template: PageTemplate) -> "_SectionTemplate":
        pages = template.pages
        tree = StructureTree(pages, template.geometry)
        compressed = tree.size + len(pages)
        size = compressed + len(pages) + 1
        kids = ObjectTemplate.reference_array(tree.children)
        sect = b"<</S/Sect/P %d 0 R/K%b>>" % (DOCUMENT, kids.text)
        bodies = [ObjectTemplate(sect, kids.references)]
        free, keys = size, size + sum(len(page.fragments) for page in pages)
        for index, page in enumerate(pages):
            fragments = range(free, free + len(page.fragments))
            free = fragments.stop
            contents = ObjectTemplate.reference_array([compressed + index, *fragments])
            text = page_dictionary(template.geometry, _RESOURCES, contents.text, b"%b")
            bodies.append(ObjectTemplate(text, (*contents.references, keys + index)))
        bodies += [tree.elements[index] for index in range(len(bodies), tree.size)]
        bodies += map(ObjectTemplate.reference_array, tree.parents)
        first, body = _object_stream_template(bodies)
        return cls(body, first, compressed, size)


def _object_stream_template(bodies: list[ObjectTemplate]) -> tuple[int, ObjectTemplate]:
    """Return the offset of the first body, and a template of the header and all bodies."""
    any_number = _NUMBER % 0
    header, offset = b"", 0
    for body in bodies:
        header += b"%%b %d " % offset
        offset += len(body.text % ((any_number,) * len(body.references))) + 1
    first = len(header % ((any_number,) * len(bodies)))
    references = [*range(len(bodies)), *(index for body in bodies for index in body.references)]
    text = header + b"\n".join([body.text for body in bodies])
    return first, ObjectTemplate(text, tuple(references))


_section_template = lru_cache(maxsize=4096)(_SectionTemplate.of)


@dataclass(frozen=True, slots=True)
class _Bookmark:
    title: bytes
    page: int


class MergedFile:
    """The objects of one file; dictionaries of the whole are written at the end.

    Each section starts on an odd page: an odd number of pages is followed by an empty one.
    """

    def __init__(self, prefix: FilePrefix, geometry: PageGeometry) -> None:
        self._prefix = prefix
        self._geometry = geometry
        self._writer = ObjectWriter(len(prefix.data))
        self._bodies: dict[int, bytes] = {}
        self._next_number = _INFORMATION + 1
        self._fragments: dict[bytes, int] = {}
        self._fallback_characters: set[FallbackCharacter] = set()
        self._pages: list[int] = []
        self._parents: list[bytes] = []
        self._sections: list[int] = []
        self._bookmarks: list[_Bookmark] = []

    def add(self, section: FileSection) -> None:
        template, pages = _section_template(section.template), section.template.pages
        fragments = [self._fragment(one.deflated) for page in pages for one in page.fragments]
        numbers = self._take_numbers(template.size)
        keys = range(len(self._parents), len(self._parents) + len(pages))
        written = [_NUMBER % number for number in (*numbers, *fragments, *keys)]
        compressed = numbers[: template.compressed]
        self._writer.add_written_object_stream(
            numbers[-1], compressed, template.first, template.body.fill(written)
        )
        for number, data in zip(numbers[template.compressed : -1], section.streams, strict=True):
            self._writer.add(number, stream_object(number, data))
        self._fallback_characters |= section.fallback_characters
        self._sections.append(numbers[0])
        self._bookmarks.append(_Bookmark(text_string(section.bookmark), numbers[1]))
        self._pages += numbers[1 : 1 + len(pages)]
        self._parents += [b"%d 0 R" % number for number in compressed[-len(pages) :]]
        if len(pages) % 2:
            self._add_empty_page()

    def _take_numbers(self, count: int) -> range:
        self._next_number += count
        return range(self._next_number - count, self._next_number)

    def _fragment(self, deflated: bytes) -> int:
        """Return the number of the only stream with these deflated operators."""
        if deflated not in self._fragments:
            (number,) = self._take_numbers(1)
            self._fragments[deflated] = number
            self._writer.add(number, stream_object(number, deflated, b"/Filter/FlateDecode"))
        return self._fragments[deflated]

    def _add_empty_page(self) -> None:
        (number,) = self._take_numbers(1)
        self._bodies[number] = b"<</Type/Page/Parent %d 0 R%b/Resources<<>>/Tabs/S>>" % (
            PAGES,
            self._geometry.media_box,
        )
        self._pages.append(number)

    def _add_outline(self) -> None:
        numbers = self._take_numbers(len(self._bookmarks))
        for index, bookmark in enumerate(self._bookmarks):
            siblings = b""
            if index:
                siblings += b"/Prev %d 0 R" % numbers[index - 1]
            if numbers[index] != numbers[-1]:
                siblings += b"/Next %d 0 R" % numbers[index + 1]
            self._bodies[numbers[index]] = (
                b"<</Title%b/Parent %d 0 R/Dest[%d 0 R/Fit]/SE %d 0 R%b>>"
                % (bookmark.title, _OUTLINE, bookmark.page, self._sections[index], siblings)
            )
        self._bodies[_OUTLINE] = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (
            numbers[0],
            numbers[-1],
            len(numbers),
        )

    def to_bytes(self, metadata: DocumentMetadata) -> bytes:
        """Complete the file. At least one section has been added."""
        self._add_outline()
        self._add_resources()
        # The catalog and the structure tree root replace those of the prefix.
        outline = b"/Outlines %d 0 R/PageMode/UseOutlines" % _OUTLINE
        self._bodies |= {
            CATALOG: catalog(metadata.language, outline),
            STRUCTURE_ROOT: structure_root(),
            _INFORMATION: information_dictionary(metadata),
            **root_objects(self._pages, self._sections, self._parents),
        }
        self._writer.add(METADATA, metadata_stream(METADATA, metadata))
        for some in batched_objects(self._bodies):
            (number,) = self._take_numbers(1)
            self._writer.add_object_stream(number, some)
        return self._with_cross_reference_stream()

    def _add_resources(self) -> None:
        entries, fonts = fallback_fonts(self._fallback_characters, self._next_number)
        for number, written in zip(self._take_numbers(len(fonts)), fonts, strict=True):
            self._writer.add(number, written)
        self._bodies[_RESOURCES] = resource_dictionary(entries)

    def _with_cross_reference_stream(self) -> bytes:
        (number,) = self._take_numbers(1)
        data = self._writer.to_bytes()
        hasher = self._prefix.hasher.copy()
        hasher.update(data)
        identifier = hasher.hexdigest()[:32].encode("ascii")
        start = len(self._prefix.data) + len(data)
        self._writer.add(number, b"")
        entries = self._prefix.entries | self._writer.entries
        table = FREE_ENTRY + b"".join(_in_order(entries, number))
        dictionary = b"/Type/XRef/Size %d/W%b/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]" % (
            number + 1,
            FIELD_WIDTHS,
            CATALOG,
            _INFORMATION,
            identifier,
            identifier,
        )
        end = b"startxref\n%d\n%%%%EOF\n" % start
        return b"".join((self._prefix.data, data, stream_object(number, table, dictionary), end))


def _in_order(entries: dict[int, bytes], last: int) -> Sequence[bytes]:
    return [entries[number] for number in range(1, last + 1)]
