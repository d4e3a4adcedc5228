"""Fallback fonts: subsets of one file only, for letters that the base fonts do not have."""

from collections.abc import Set as AbstractSet
from functools import cache
from typing import NamedTuple

from services.worker.layout.fonts import Face, font_faces
from services.worker.pdf.fonts import font_objects
from services.worker.pdf.objects import indirect_object

RESOURCE_NAMES = {"Regular": b"R", "Bold": b"B", "Wide": b"W", "Signs": b"S"}
"""Names of the fonts in a page's resources, by face."""

FALLBACK_SUFFIX = b"X"
"""Appended to the resource name of a face: its fallback font."""


class FallbackCharacter(NamedTuple):
    """A character of a face, by name, that the base fonts do not have."""

    face: str
    character: str


@cache
def _faces_by_name() -> dict[str, Face]:
    faces = font_faces()
    return {face.name: face for face in (*faces.regular, *faces.bold)}


def fallback_fonts(
    characters: AbstractSet[FallbackCharacter], first: int
) -> tuple[bytes, list[bytes]]:
    """Return resource entries, and the objects of a font for each face, numbered from `first`."""
    entries = b""
    objects: list[bytes] = []
    for name in sorted({one.face for one in characters}):
        letters = frozenset(one.character for one in characters if one.face == name)
        number = first + len(objects)
        entries += b"/%b%b %d 0 R" % (RESOURCE_NAMES[name], FALLBACK_SUFFIX, number)
        bodies, streams = font_objects(_faces_by_name()[name], letters, number)
        objects += [indirect_object(*one) for one in bodies.items()]
        objects += streams.values()
    return entries, objects
