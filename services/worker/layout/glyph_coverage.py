"""The characters that the shipped faces cover, in the form of `shared/core/glyph_coverage.txt`."""

import sys

from services.worker.layout.fonts import font_faces
from shared.core.invisible import is_visible


def glyph_coverage() -> str:
    """Return a line per place in the fallback order: the ranges that both weights cover there."""
    faces = font_faces()
    return "".join(
        f"{_ranges(regular.characters & bold.characters)}\n"
        for regular, bold in zip(faces.regular, faces.bold, strict=True)
    )


def _ranges(characters: frozenset[str]) -> str:
    ranges: list[range] = []
    for code in sorted(map(ord, filter(is_visible, characters))):
        if ranges and code == ranges[-1].stop:
            ranges[-1] = range(ranges[-1].start, code + 1)
        else:
            ranges.append(range(code, code + 1))
    return " ".join(
        f"{one.start:X}" if len(one) == 1 else f"{one.start:X}-{one.stop - 1:X}" for one in ranges
    )


if __name__ == "__main__":
    sys.stdout.write(glyph_coverage())
