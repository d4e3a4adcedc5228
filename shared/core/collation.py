"""Dutch order of names, the same on any machine and any database, whatever its locales."""

import re
import unicodedata

_DIGITS = re.compile(r"\d+")
_LETTERS_OF_THEIR_OWN = str.maketrans(
    dict(zip("đðħ\u0131łøœæþ", ("d", "d", "h", "i", "l", "o", "oe", "ae", "th"), strict=True))
)


def dutch_key(text: str) -> tuple[str, str]:
    """A sort key: letters first, without accents, case or punctuation; ties by the text itself.

    Numbers inside a text count by their value, so that class 2 comes before class 10.
    """
    plain = text.casefold().translate(_LETTERS_OF_THEIR_OWN)
    letters = "".join(
        character
        for character in unicodedata.normalize("NFKD", plain)
        if character.isalnum() or character.isspace()
    )
    return _DIGITS.sub(lambda number: number[0].rjust(12, "0"), letters), text
