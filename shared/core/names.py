"""Names of clients and persons, by which people recognise them: no two look alike."""

from typing import Final
from unicodedata import normalize

from shared.core.errors import InvalidInput
from shared.core.plain_text import require_plain_text

_LAST_LETTER: Final = "\u017f"
"""The last of Latin Extended-A; later letters, also Latin ones, resemble earlier ones."""

_SAME_SHAPE: Final = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "\u0131": "l", "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t"}
)
_SAME_PAIRS: Final = (("rn", "m"), ("vv", "w"))


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

    It has no case, accents, spaces and punctuation, and one letter for letters and digits of about
    the same shape.
    """
    folded = normalize("NFKD", normalize("NFKC", name).casefold()).translate(_SAME_SHAPE)
    letters = "".join(filter(str.isalnum, folded))
    for pair, letter in _SAME_PAIRS:
        letters = letters.replace(pair, letter)
    return letters


def _is_punctuation(character: str) -> bool:
    return "\u2010" <= character <= "\u2027"
