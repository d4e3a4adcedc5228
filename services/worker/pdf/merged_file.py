"""One tagged PDF of several documents with an outline, in which shared objects occur once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from services.worker.pdf.cross_reference import FIELD_WIDTHS, FREE_ENTRY
from services.worker.pdf.fallback_font import FallbackCharacter, fallback_fonts
from services.worker.pdf.file_prefix import (
    CATALOG,
    METADATA,
    PAGES,
    STRUCTURE_ROOT,
    FilePrefix,
    catalog,
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
    ObjectWriter,
    batched_objects,
    stream_object,
)
from services.worker.pdf.outline import Bookmark, outline_objects
from services.worker.pdf.page_geometry import PageGeometry
from services.worker.pdf.page_template import PageTemplate
from services.worker.pdf.section_template import INFORMATION, NUMBER, OUTLINE, RESOURCES

_WRITTEN_ONCE = 1 << 15


@dataclass(frozen=True, slots=True)
class FileSection:
    """A document in a merged file.

    `streams` are its own content streams, one per page, before its fragments. A nested bookmark
    belongs to the last one before it that is not.
    """

    template: PageTemplate
    streams: tuple[bytes, ...]
    fallback_characters: frozenset[FallbackCharacter]
    bookmark: str
    is_nested: bool = False


class MergedFile:
    """The objects of one file; dictionaries of the whole are written at the end.

    In a two-sided file, a section starts on an odd page, after an empty one if it must.
    """

    def __init__(self, prefix: FilePrefix, geometry: PageGeometry, *, is_two_sided: bool) -> None:
        self._prefix = prefix
        self._geometry, self._is_two_sided = geometry, is_two_sided
        self._writer = ObjectWriter(len(prefix.data))
        self._bodies: dict[int, bytes] = {}
        self._next_number = INFORMATION + 1
        self._fragments: dict[bytes, int] = {}
        self._fallback_characters: set[FallbackCharacter] = set()
        self._pages: list[int] = []
        self._parents: list[bytes] = []
        self._sections: list[int] = []
        self._bookmarks: list[Bookmark] = []

    def add(self, section: FileSection) -> None:
        if self._is_two_sided and len(self._pages) % 2:
            self._add_empty_page()
        template, pages = section.template.section, section.template.pages
        fragments = [self._fragment(one.deflated) for page in pages for one in page.fragments]
        numbers = self._take_numbers(template.size)
        keys = range(len(self._parents), len(self._parents) + len(pages))
        own = numbers[template.compressed : template.compressed + len(pages)]
        written = [*_written(numbers), *(NUMBER % number for number in (*fragments, *keys))]
        for number, one in enumerate(template.object_streams, own.stop):
            compressed = numbers[one.objects.start : one.objects.stop]
            data = one.fill(written)
            self._writer.add_written_object_stream(number, compressed, one.first, data)
        for number, data in zip(own, section.streams, strict=True):
            self._writer.add(number, stream_object(number, data))
        self._fallback_characters |= section.fallback_characters
        self._sections.append(numbers[0])
        mark = Bookmark(section.bookmark, numbers[1], numbers[0], section.is_nested)
        self._bookmarks.append(mark)
        self._pages += numbers[1 : 1 + len(pages)]
        parents = numbers[template.compressed - len(pages) : template.compressed]
        self._parents += [b"%d 0 R" % number for number in parents]

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

    def to_bytes(self, metadata: DocumentMetadata) -> bytes:
        """Complete the file. At least one section has been added."""
        numbers = self._take_numbers(len(self._bookmarks))
        self._bodies |= outline_objects(self._bookmarks, OUTLINE, numbers.start)
        self._add_resources()
        # The catalog and the structure tree root replace those of the prefix.
        outline = b"/Outlines %d 0 R/PageMode/UseOutlines" % OUTLINE
        duplex = b"DuplexFlipLongEdge" if self._is_two_sided else b"Simplex"
        self._bodies |= {
            CATALOG: catalog(metadata.language, outline, b"/Duplex/" + duplex),
            STRUCTURE_ROOT: structure_root(),
            INFORMATION: information_dictionary(metadata),
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
        self._bodies[RESOURCES] = resource_dictionary(entries)

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
            INFORMATION,
            identifier,
            identifier,
        )
        end = b"startxref\n%d\n%%%%EOF\n" % start
        return b"".join((self._prefix.data, data, stream_object(number, table, dictionary), end))


@cache
def _first_numbers() -> list[bytes]:
    return [NUMBER % number for number in range(_WRITTEN_ONCE)]


def _written(numbers: range) -> list[bytes]:
    """Return the numbers at their fixed width; those of most files are written once."""
    if numbers.stop <= _WRITTEN_ONCE:
        return _first_numbers()[numbers.start : numbers.stop]
    return [NUMBER % number for number in numbers]


def _in_order(entries: dict[int, bytes], last: int) -> Sequence[bytes]:
    return [entries[number] for number in range(1, last + 1)]
