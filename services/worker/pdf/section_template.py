"""Sections of merged files: the pages and the structure of a document, without object numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from operator import itemgetter

from services.worker.pdf.file_prefix import DOCUMENT, FIRST_FREE, page_dictionary
from services.worker.pdf.objects import MAX_OBJECTS_PER_STREAM, ObjectTemplate
from services.worker.pdf.page_geometry import PageGeometry
from services.worker.pdf.structure_tree import PageContent, StructureTree

OUTLINE, RESOURCES, INFORMATION = range(FIRST_FREE, FIRST_FREE + 3)
"""Object numbers of a merged file; all sections have the same resources."""

NUMBER = b"%7d"
"""The format of an object number, of a fixed width: the offset of each object is known before."""


@dataclass(frozen=True, slots=True)
class ObjectStreamTemplate:
    """An object stream of some of the compressed objects of a section.

    `text` has a place for each number that `pick` takes from those of the section.
    """

    objects: range
    first: int
    text: bytes
    pick: Callable[[Sequence[bytes]], tuple[bytes, ...]]

    def fill(self, numbers: Sequence[bytes]) -> bytes:
        return self.text % self.pick(numbers)


@dataclass(frozen=True, slots=True, eq=False)
class SectionTemplate:
    """Object streams with the pages and the structure of a section, without object numbers.

    Indices of numbers: a Sect element, the pages, their elements and their arrays in the parent
    tree, which are the `compressed` objects; an own content stream per page, and the object streams
    themselves, which make `size`. Bodies also refer to fragments and to StructParents keys.
    """

    object_streams: tuple[ObjectStreamTemplate, ...]
    compressed: int
    size: int

    @classmethod
    def of(
        cls, tree: StructureTree, pages: Sequence[PageContent], geometry: PageGeometry
    ) -> "SectionTemplate":
        compressed = tree.size + len(pages)
        size = compressed + len(pages) + ceil(compressed / MAX_OBJECTS_PER_STREAM)
        kids = ObjectTemplate.reference_array(tree.children)
        sect = b"<</S/Sect/P %d 0 R/K%b>>" % (DOCUMENT, kids.text)
        bodies = [ObjectTemplate(sect, kids.references)]
        free, keys = size, size + sum(len(page.fragments) for page in pages)
        for index, page in enumerate(pages):
            fragments = range(free, free + len(page.fragments))
            free = fragments.stop
            contents = ObjectTemplate.reference_array([compressed + index, *fragments])
            text = page_dictionary(geometry, RESOURCES, contents.text, b"%b")
            bodies.append(ObjectTemplate(text, (*contents.references, keys + index)))
        bodies += [tree.elements[index] for index in range(len(bodies), tree.size)]
        bodies += map(ObjectTemplate.reference_array, tree.parents)
        streams = (
            _object_stream_template(bodies[at : at + MAX_OBJECTS_PER_STREAM], at)
            for at in range(0, compressed, MAX_OBJECTS_PER_STREAM)
        )
        return cls(tuple(streams), compressed, size)


def _object_stream_template(bodies: list[ObjectTemplate], at: int) -> ObjectStreamTemplate:
    """Return a template of the header and these bodies, which are the objects from index `at`."""
    any_number = NUMBER % 0
    header, offset = b"", 0
    for body in bodies:
        header += b"%%b %d " % offset
        offset += len(body.text % ((any_number,) * len(body.references))) + 1
    first = len(header % ((any_number,) * len(bodies)))
    objects = range(at, at + len(bodies))
    references = [*objects, *(index for body in bodies for index in body.references)]
    text = header + b"\n".join([body.text for body in bodies])
    return ObjectStreamTemplate(objects, first, text, itemgetter(*references))
