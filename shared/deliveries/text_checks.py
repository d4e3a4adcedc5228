"""Text of a delivery: the form in which codes are compared, and signs of damage upstream."""

import re
from html.entities import html5
from typing import Final
from unicodedata import category, is_normalized, normalize

from shared.core.invisible import BIDI_CONTROLS, INVISIBLE, JOINERS

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_BLANKS: Final = "\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CONTINUATION: Final = bytes(range(0x80, 0xC0)).decode("cp1252", errors="ignore")
"""The characters in Windows-1252 of the bytes that continue a character in UTF-8."""
_NOT_PUNCTUATION: Final = "".join(c for c in _CONTINUATION if category(c)[0] not in "PZ")

_MISREAD: Final = re.compile(
    f"[ÂÃÄÅ][{_CONTINUATION}]"
    f"|[Æ-ß][{_NOT_PUNCTUATION}]"
    f"|[à-ï][{_CONTINUATION}]{{2}}"
    f"|[ð-ô][{_CONTINUATION}]{{3}}"
    "|[√├┬][^\x00-\x7fπ∞]"
)
"""UTF-8 that was read as Windows-1252, as Mac Roman or in the code page of a command prompt."""

_FOLDED_AWAY: Final = re.compile(f"(?![{JOINERS}])[{INVISIBLE}]")
_INVISIBLE: Final = re.compile(f"(?![{BIDI_CONTROLS}])[{INVISIBLE}]")
_BIDI: Final = re.compile(f"[{BIDI_CONTROLS}]")
_NOTHING_VISIBLE: Final = re.compile(f"[\\s{INVISIBLE}]*")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|([A-Za-z][A-Za-z0-9]{1,30}));")
_SUSPECT: Final = re.compile(f"[{_BLANKS}{INVISIBLE}{REPLACEMENT}]")
_TWO_NOT_ASCII: Final = re.compile("[^\x00-\x7f]{2}")


def fold(text: str) -> str:
    """Return the text as codes are compared and stored.

    Characters are composed (NFC), invisible ones left out, and each run of blanks is one space,
    with none at the ends: what looks the same in a spreadsheet is the same.
    """
    return " ".join(_FOLDED_AWAY.sub("", normalize("NFC", text)).split())


def is_blank(text: str) -> bool:
    """Return whether the text has no visible character."""
    return _NOTHING_VISIBLE.fullmatch(text) is not None


def needs_checks(text: str, delimiter: str) -> bool:
    """Return whether lines may contain a value that `fold` changes or that may be damaged.

    It is called for each block of a file, so that the usual block costs a few searches.
    """
    if " " in text and _has_blanks_around(text, delimiter):
        return True
    if ("&" in text and _ENTITY.search(text)) or "?" in text:
        return True
    if text.isascii():
        return False
    if _SUSPECT.search(text) or not is_normalized("NFC", text):
        return True
    return _TWO_NOT_ASCII.search(text) is not None and _MISREAD.search(text) is not None


def _has_blanks_around(text: str, delimiter: str) -> bool:
    around = ("  ", f"{delimiter} ", f" {delimiter}", "\n ", " \n")
    return text[0] == " " or text[-1] == " " or any(blanks in text for blanks in around)


def has_entity(text: str) -> bool:
    return any(
        not found[1] or f"{found[1]};" in html5 for found in _ENTITY.finditer(text) if "&" in text
    )


def signs_of_damage(text: str, *, is_name: bool) -> list[str]:
    """Return the kinds of warnings about a text; `is_name` is for the name of a person."""
    signs = {
        "misreadText": not text.isascii() and _MISREAD.search(text) is not None,
        "htmlEntity": has_entity(text),
        "bidiControl": _BIDI.search(text) is not None,
        "invisibleCharacter": _INVISIBLE.search(text) is not None,
        "questionMark": is_name and "?" in text,
    }
    return [kind for kind, is_found in signs.items() if is_found]
