"""Characters that are not shown: the one list of the service, for names, texts and codes."""

import re
from typing import Final

BIDI_CONTROLS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
JOINERS: Final = "\u200c\u200d"

IN_FIRST_PLANE: Final = (
    r"\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufdd0-\ufdef\ufff0-\ufffb\ufffe-\uffff"
)
IN_OTHER_PLANES: Final = (
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
) + "".join(rf"\U{plane:04x}fffe-\U{plane:04x}ffff" for plane in range(1, 17))
INVISIBLE: Final = IN_FIRST_PLANE + IN_OTHER_PLANES
"""The content of a character class: the property Default_Ignorable_Code_Point, category Cf, and
the blank of Braille and the noncharacters, as escapes of regular expressions."""

_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")


def is_visible(character: str) -> bool:
    """Return False for a format character, a variation selector or a filler."""
    return not _INVISIBLE.match(character)


def remove_invisible(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", text)
