"""The objects that each file starts with: header, catalog, structure tree root and base fonts."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from services.worker.layout.fonts import font_faces
from services.worker.pdf.colour_profile import srgb_profile
from services.worker.pdf.fonts import OBJECTS_PER_FONT, base_subset, font_objects
from services.worker.pdf.objects import (
    ObjectWriter,
    deflated_stream_object,
    reference_array,
    text_string,
)
from services.worker.pdf.page_geometry import PageGeometry

if TYPE_CHECKING:
    from hashlib import _Hash as HASH  # the stub's name for what sha256() returns

CATALOG, PAGES, STRUCTURE_ROOT, METADATA, DOCUMENT, PARENT_TREE, REGULAR = range(1, 8)
"""Object numbers that are the same in all files."""

BOLD = REGULAR + OBJECTS_PER_FONT
_OBJECT_STREAM = BOLD + OBJECTS_PER_FONT
_COLOUR_PROFILE = _OBJECT_STREAM + 1
FIRST_FREE = _COLOUR_PROFILE + 1


@dataclass(frozen=True, slots=True)
class FilePrefix:
    """The bytes that each file in a language starts with, their entries and checksums."""

    data: bytes
    entries: dict[int, bytes]
    hasher: "HASH"
    crc32: int

    @classmethod
    def of(cls, language: str) -> "FilePrefix":
        header = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
        writer = ObjectWriter(len(header))
        bodies = {CATALOG: catalog(language), STRUCTURE_ROOT: structure_root()}
        faces = font_faces()
        for first, face in ((REGULAR, faces.regular[0]), (BOLD, faces.bold[0])):
            font_bodies, streams = font_objects(face, base_subset(face), first)
            bodies |= font_bodies
            for number, written in streams.items():
                writer.add(number, written)
        profile = deflated_stream_object(_COLOUR_PROFILE, srgb_profile(), b"/N 3")
        writer.add(_COLOUR_PROFILE, profile)
        writer.add_object_stream(_OBJECT_STREAM, bodies)
        data = header + writer.to_bytes()
        return cls(data, writer.entries, sha256(data), zlib.crc32(data))


def catalog(language: str, entries: bytes = b"", preferences: bytes = b"") -> bytes:
    """Return the document catalog, with `entries` and viewer `preferences` added."""
    return (
        b"<</Type/Catalog/Pages %d 0 R/StructTreeRoot %d 0 R/Metadata %d 0 R/Lang%b"
        b"/MarkInfo<</Marked true>>/ViewerPreferences<</DisplayDocTitle true%b>>"
        b"/OutputIntents[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)"
        b"/DestOutputProfile %d 0 R>>]%b>>"
    ) % (
        PAGES,
        STRUCTURE_ROOT,
        METADATA,
        text_string(language),
        preferences,
        _COLOUR_PROFILE,
        entries,
    )


def structure_root() -> bytes:
    return b"<</Type/StructTreeRoot/K %d 0 R/ParentTree %d 0 R>>" % (DOCUMENT, PARENT_TREE)


def resource_dictionary(fallback_entries: bytes) -> bytes:
    """Return the resources of a page: the two base fonts, and the given entries for others."""
    return b"<</Font<</R %d 0 R/B %d 0 R%b>>>>" % (REGULAR, BOLD, fallback_entries)


def page_dictionary(
    geometry: PageGeometry, resources: int, contents: bytes, struct_parents: bytes
) -> bytes:
    """Return a page; `contents` is an array, `struct_parents` its key in the parent tree."""
    return b"<</Type/Page/Parent %d 0 R%b/Resources %d 0 R/Contents%b/StructParents %b/Tabs/S>>" % (
        PAGES,
        geometry.media_box,
        resources,
        contents,
        struct_parents,
    )


def root_objects(
    pages: Sequence[int], children: Sequence[int], parents: Sequence[bytes]
) -> dict[int, bytes]:
    """Return the page tree, the Document element with its children, and the parent tree."""
    numbers = b" ".join([b"%d %b" % one for one in enumerate(parents)])
    return {
        PAGES: b"<</Type/Pages/Count %d/Kids%b>>" % (len(pages), reference_array(pages)),
        DOCUMENT: b"<</S/Document/P %d 0 R/K%b>>" % (STRUCTURE_ROOT, reference_array(children)),
        PARENT_TREE: b"<</Nums[%b]>>" % numbers,
    }
