"""Names of clients and persons, by which people recognise them: no two look alike."""

from typing import Final
from unicodedata import normalize

from shared.core.errors import InvalidInput
from shared.core.plain_text import require_plain_text

_LAST_LETTER: Final = "\u017f"
"""The last of Latin Extended-A; later letters, also Latin ones, resemble earlier ones."""

_SHAPES: Final = {
    "ae": "æ",
    "b": "8",
    "cl": "dđð",
    "h": "ħ",
    "k": "ĸ",
    "l": "1i\u0131|ł",
    "n": "ŋ",
    "o": "0ø",
    "oe": "œ",
    "p": "þ",
    "rn": "m",
    "s": "5$",
    "t": "ŧ",
    "vv": "w",
    "x": "\u00d7",
    "z": "2",
}
"""Lower-case letters, digits and signs that look like the letters of their key.

A wide letter becomes the pair that looks like it, so that one pass is enough."""
_SAME_SHAPE: Final = str.maketrans(
    {shape: prototype for prototype, shapes in _SHAPES.items() for shape in shapes}
)


def require_name(field: str, name: str) -> None:
    """Raise InvalidInput for a name with letters or digits that are not Latin, or with none."""
    require_plain_text(field, name)
    characters = [c for c in normalize("NFKC", name) if not c.isascii() or c.isalnum()]
    if not any(map(str.isalnum, characters)) or any(
        c > _LAST_LETTER and not _is_punctuation(c) for c in characters
    ):
        raise InvalidInput(
            field, detail="Write a name with Latin letters, with or without accents."
        )


def skeleton(name: str) -> str:
    """Return a text that is equal for names that look alike.

    It has no case, accents, spaces and punctuation, and the same letters for all of about the same
    shape (the skeleton of UTS 39, section 4).
    """
    folded = normalize("NFKD", normalize("NFKC", name).casefold()).translate(_SAME_SHAPE)
    return "".join(filter(str.isalnum, folded))


def _is_punctuation(character: str) -> bool:
    return "\u2010" <= character <= "\u2027"
