"""Text in a workbook: escapes in cells, quote prefixes, and names that Excel accepts."""

import re
from collections.abc import Iterable, Sequence

_MAX_SHEET_NAME = 31
_NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\]+")
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""The controls of the writing direction (UAX 9)."""
_BIDI_CONTROL = re.compile(f"[{BIDI_CONTROLS}]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
# Characters that XML cannot contain, or would change, and text that looks like their escape.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def escape_text(text: str) -> str:
    """Escape characters as ST_Xstring does: `_x0007_` is the character with that code.

    Controls of the writing direction are left out: a cell would show another text.
    """
    plain = _BIDI_CONTROL.sub("", text)
    return _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", plain)


def needs_quote_prefix(text: str) -> bool:
    """Return whether a program would read the text as a formula once a user edits the cell."""
    return text.lstrip(BIDI_CONTROLS).startswith(_FORMULA_STARTS)


def single_line(text: str) -> str:
    """Return the text without line breaks and controls, for names and page headers."""
    return " ".join(_CONTROL.sub(" ", _BIDI_CONTROL.sub("", text)).split())


def unique_names(names: Iterable[str], max_length: int = 250) -> tuple[str, ...]:
    """Return the names in order, numbered where they are equal regardless of case."""
    used: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name[:max_length], 1
        while candidate.casefold() in used:
            number += 1
            suffix = f" ({number})"
            candidate = name[: max_length - len(suffix)].rstrip() + suffix
        used.add(candidate.casefold())
        unique.append(candidate)
    return tuple(unique)


def sheet_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that Excel accepts for sheets: short, unique, without reserved characters.

    A long name loses words from its middle, first those that all long names have: what
    distinguishes two sheets remains.
    """
    plain = [single_line(_NOT_IN_SHEET_NAME.sub(" ", name)) for name in names]
    long = [name for name in plain if len(name) > _MAX_SHEET_NAME]
    short = (_without_common_words(name, long)[:_MAX_SHEET_NAME].strip(" '") for name in plain)
    return unique_names((name or "-" for name in short), _MAX_SHEET_NAME)


def _without_common_words(name: str, names: Sequence[str]) -> str:
    """Leave out inner words until the name is short enough, first those that all names have."""
    words = name.split()
    while (excess := len(" ".join(words)) - _MAX_SHEET_NAME) > 0 and words[1:-1]:
        inner = range(len(words) - 2, 0, -1)
        common = [at for at in inner if all(words[at] in other.split() for other in names)]
        candidates = common or inner
        del words[next((at for at in candidates if len(words[at]) >= excess - 1), candidates[0])]
    return " ".join(words)
