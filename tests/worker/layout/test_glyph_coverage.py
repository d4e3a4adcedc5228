"""Shared code knows what the fonts of the worker cover."""

from pathlib import Path
from unicodedata import normalize

import pytest

from services.worker.layout.fonts import font_faces
from services.worker.layout.glyph_coverage import glyph_coverage
from shared.core import drawable_text
from shared.core.drawable_text import graphemes, normalize_text, undrawable_characters

COVERAGE = Path(drawable_text.__file__).with_name("glyph_coverage.txt")


def test_coverage_is_that_of_the_fonts() -> None:
    assert COVERAGE.read_text("ascii") == glyph_coverage(), "run make glyph-coverage"


def test_both_weights_cover_the_same_characters() -> None:
    faces = font_faces()
    for regular, bold in zip(faces.regular, faces.bold, strict=True):
        assert regular.characters == bold.characters


@pytest.mark.parametrize("plane", range(3))
def test_text_is_drawable_if_a_face_covers_each_grapheme(plane: int) -> None:
    """Each character on its own, and between a letter and a mark."""
    faces = font_faces().regular
    for code in range(plane << 16, (plane + 1) << 16):
        if 0xD800 <= code <= 0xDFFF:
            continue
        text = f"{chr(code)} e{chr(code)}\u0323"
        covered = all(
            any(
                face.covers(form)
                for face in faces
                for form in (grapheme, normalize("NFD", grapheme))
            )
            for grapheme in graphemes(normalize_text(text))
        )
        assert covered == (not undrawable_characters(text)), hex(code)
