"""Texts are normalized before they are drawn, and known to be drawable without a font."""

import subprocess
import sys
from unicodedata import category

import pytest

from shared.core.drawable_text import graphemes, normalize_text, undrawable_characters

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u1160\u17b4\u180b\u180e\u3164\uffa0"
INVISIBLE = BIDI_CONTROLS + ZERO_WIDTH
SELECTORS = "\ufe0e\ufe0f\U000e0100\U000e01ef\U000e0041"


@pytest.mark.parametrize("invisible", [*INVISIBLE, *SELECTORS], ids=ascii)
def test_invisible_characters_are_left_out_of_what_is_drawn(invisible: str) -> None:
    assert normalize_text(f"Ge{invisible}ert{invisible} Maes{invisible}") == "Geert Maes"
    assert not undrawable_characters(f"Ge{invisible}ert")


def test_every_format_character_is_left_out() -> None:
    every = "".join(chr(code) for code in range(0x110000) if category(chr(code)) == "Cf")
    assert normalize_text(f"a{every}b") == "ab"


def test_white_space_is_normalized() -> None:
    assert normalize_text("\tNoor \u2003van\u2003der\u00a0Aa ") == "Noor van der\u00a0Aa"


def test_a_letter_stays_with_its_marks() -> None:
    assert list(graphemes("aa\u0323\u0301b")) == ["a", "a\u0323\u0301", "b"]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Zoë → ∠ABC ⊥ √2 ≤ ∈ ✓ ☐ • ‣", set()),
        ("\uf0b7 telt", {"\uf0b7"}),
        ("a\x01b", {"\x01"}),
        ("e\u05b0", {"\u05b0"}),
        ("∠\u0301", {"∠", "\u0301"}),
        ("王 en 麗", {"王", "麗"}),
        ("\u2800", set()),
    ],
)
def test_characters_that_no_face_covers_are_found(text: str, missing: set[str]) -> None:
    assert undrawable_characters(text) == missing


def test_an_import_opens_no_font() -> None:
    code = """if True:
        import sys
        import shared.deliveries.service
        from shared.core.drawable_text import undrawable_characters
        undrawable_characters("王")
        sys.exit(any(m.startswith(("reportlab", "fontTools", "ziafont")) for m in sys.modules))
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
