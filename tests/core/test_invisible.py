"""One list of invisible characters, for names, purposes, codes and drawn texts."""

from typing import Annotated
from unicodedata import category

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from shared.core.drawable_text import normalize_text
from shared.core.errors import InvalidInput
from shared.core.invisible import JOINERS, is_visible
from shared.core.plain_text import PLAIN_TEXT, require_plain_text
from shared.deliveries.text_checks import fold, is_blank, needs_checks, signs_of_damage

DEFAULT_IGNORABLE = [
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810)),
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, 0xFEFF),
    *(*range(0xFE00, 0xFE10), 0xFFA0, *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4)),
    *(*range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]
"""Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode 16."""

FORMAT = [code for code in range(0x110000) if category(chr(code)) == "Cf"]
NONCHARACTERS = [
    *range(0xFDD0, 0xFDF0),
    *(plane * 0x10000 + code for plane in range(17) for code in (0xFFFE, 0xFFFF)),
]
INVISIBLE = sorted({*DEFAULT_IGNORABLE, *FORMAT, *NONCHARACTERS, 0x2800})
WHITE_SPACE = [code for code in range(0x110000) if chr(code).isspace()]


def test_no_other_characters_are_invisible() -> None:
    found = [code for code in range(0x110000) if not is_visible(chr(code))]
    assert set(found) >= set(INVISIBLE)
    # Newer versions of Unicode than that of Python have a few more format characters.
    assert {category(chr(code)) for code in set(found) - set(INVISIBLE)} <= {"Cn"}


def test_plain_text_has_no_invisible_character() -> None:
    for code in INVISIBLE:
        with pytest.raises(InvalidInput, match="invisible"):
            require_plain_text("purpose", f"Follow{chr(code)}up")
    require_plain_text("purpose", "Opvolging van leerlingen, 2026, «Zoë»")


@pytest.mark.parametrize("code", [*WHITE_SPACE, 0xE000, 0xF8FF])
def test_plain_text_is_not_blank(code: int) -> None:
    """The pattern of the API and the check of the service refuse it both."""
    purpose = TypeAdapter(Annotated[str, Field(pattern=PLAIN_TEXT)])
    for blank in (chr(code), f" {chr(code)} "):
        with pytest.raises(InvalidInput, match="with text"):
            require_plain_text("purpose", blank)
        with pytest.raises(ValidationError):
            purpose.validate_python(blank)
    assert purpose.validate_python("A\u00a0b") == "A\u00a0b"


@pytest.mark.parametrize("code", [code for code in NONCHARACTERS if code < 0x10000])
def test_pattern_of_plain_text_has_no_noncharacter(code: int) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[str, Field(pattern=PLAIN_TEXT)]).validate_python(f"A{chr(code)}")


def test_codes_and_drawn_texts_have_the_same_invisible_characters() -> None:
    for character in map(chr, INVISIBLE):
        assert is_blank(f" {character} ")
        assert needs_checks(f"4{character}A", ";")
        assert signs_of_damage(f"4{character}A", is_name=True)
        assert normalize_text(f"4{character}A") == "4A"
        assert (fold(f"4{character}A") == "4A") is (character not in JOINERS)
