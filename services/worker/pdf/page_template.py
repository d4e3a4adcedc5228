"""Page templates: all objects of a document but those of one person, written once."""

import zlib
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from services.worker.pdf.cross_reference import FREE_ENTRY
from services.worker.pdf.fallback_font import FallbackCharacter
from services.worker.pdf.file_prefix import (
    DOCUMENT,
    FIRST_FREE,
    METADATA,
    FilePrefix,
    page_dictionary,
    root_objects,
)
from services.worker.pdf.metadata import DocumentMetadata, metadata_stream
from services.worker.pdf.objects import (
    MAX_OBJECTS_PER_STREAM,
    ObjectWriter,
    batched_objects,
    reference_array,
    stream_object,
)
from services.worker.pdf.page_geometry import PageGeometry
from services.worker.pdf.section_template import SectionTemplate
from services.worker.pdf.structure_tree import PageContent, StructureTree

if TYPE_CHECKING:
    from hashlib import _Hash as HASH  # the stub's name for what sha256() returns


@dataclass(frozen=True, slots=True, eq=False)
class PageTemplate:
    """The bytes between the file prefix and a document's own objects, which start at `first_own`.

    `hasher`, `crc32` and `size` are of prefix and template together. The own objects are, in order:
    resources, document information, and per page a content stream before its fragments.
    """

    data: bytes
    hasher: "HASH"
    crc32: int
    size: int
    cross_reference: bytes
    first_own: int
    pages: tuple[PageContent, ...]
    section: SectionTemplate
    fallback_characters: frozenset[FallbackCharacter]
    geometry: PageGeometry
    metadata: DocumentMetadata


def compile_page_template(
    prefix: FilePrefix,
    metadata: DocumentMetadata,
    geometry: PageGeometry,
    pages: list[PageContent],
) -> PageTemplate:
    """Write and hash the shared objects of these pages, with their object numbers."""
    writer = ObjectWriter(len(prefix.data))
    tree = StructureTree(pages, geometry)
    first_own = _write_pages(writer, tree, pages, geometry)
    writer.add(METADATA, metadata_stream(METADATA, metadata))
    data = writer.to_bytes()
    hasher = prefix.hasher.copy()
    hasher.update(data)
    entries = {**prefix.entries, **writer.entries}
    return PageTemplate(
        data=data,
        hasher=hasher,
        crc32=zlib.crc32(data, prefix.crc32),
        size=len(prefix.data) + len(data),
        cross_reference=FREE_ENTRY + b"".join([entries[number] for number in range(1, first_own)]),
        first_own=first_own,
        pages=tuple(pages),
        section=SectionTemplate.of(tree, pages, geometry),
        fallback_characters=frozenset().union(
            *(fragment.fallback_characters for page in pages for fragment in page.fragments)
        ),
        geometry=geometry,
        metadata=metadata,
    )


def _write_pages(
    writer: ObjectWriter, tree: StructureTree, pages: list[PageContent], geometry: PageGeometry
) -> int:
    """Write fragments, pages and structure elements; return the first free object number.

    All that is no stream is deflated together: the elements are much alike.
    """
    free = FIRST_FREE + tree.size - 1
    numbers = [DOCUMENT, *range(FIRST_FREE, free)]
    written = [b"%d" % number for number in numbers]
    bodies = {numbers[index]: element.fill(written) for index, element in tree.elements.items()}
    object_streams = range(free, free + ceil((tree.size + 2) / MAX_OBJECTS_PER_STREAM))
    free = object_streams.stop
    first_own = free + sum(len(page.fragments) for page in pages)
    for index, page in enumerate(pages):
        fragments = range(free, free + len(page.fragments))
        free = fragments.stop
        for number, fragment in zip(fragments, page.fragments, strict=True):
            stream = stream_object(number, fragment.deflated, b"/Filter/FlateDecode")
            writer.add(number, stream)
        contents = reference_array([first_own + 2 + index, *fragments])
        bodies[numbers[1 + index]] = page_dictionary(geometry, first_own, contents, b"%d" % index)
    parents = [reference_array([numbers[index] for index in found]) for found in tree.parents]
    children = [numbers[index] for index in tree.children]
    bodies |= root_objects(numbers[1 : 1 + len(pages)], children, parents)
    for number, some in zip(object_streams, batched_objects(bodies), strict=True):
        writer.add_object_stream(number, some)
    return first_own
