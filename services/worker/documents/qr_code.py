"""A QR code (ISO/IEC 18004) as a figure of black modules."""

import segno

from services.worker.layout.blocks import Colour, Polygon, TaggedContent, rectangle

_BLACK: Colour = (0.0, 0.0, 0.0)


def qr_code(text: str, alternative: str, size: float, x: float, y: float) -> TaggedContent:
    """Return the code of a text, `size` points wide, at the top left of a block.

    The caller leaves white space of four modules around it, a fifth of the size.
    """
    code = segno.make(text, error="m", micro=False, boost_error=False)
    module = size / len(code.matrix)
    squares: list[Polygon] = []
    for row, modules in enumerate(code.matrix):
        for first, last in _runs(modules):
            left, top = x + first * module, y + row * module
            width = (last - first) * module
            squares.append(rectangle(left, top, width, module, fill=_BLACK))
    return TaggedContent("Figure", tuple(squares), alternative)


def _runs(modules: bytes | bytearray) -> list[tuple[int, int]]:
    """Return the first and the end of each run of dark modules in a row."""
    runs: list[tuple[int, int]] = []
    for column, is_dark in enumerate(modules):
        if is_dark and runs and runs[-1][1] == column:
            runs[-1] = runs[-1][0], column + 1
        elif is_dark:
            runs.append((column, column + 1))
    return runs
