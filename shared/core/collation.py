"""Dutch collation of names, independent of the locales of machine and database."""

import re
import unicodedata

_DIGITS = re.compile(r"\d+")
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    dict(zip("đðħ\u0131łøœæþ", ("d", "d", "h", "i", "l", "o", "oe", "ae", "th"), strict=True))
)


def dutch_key(text: str) -> tuple[str, str]:
    """Return a sort key without accents, case and punctuation; the text itself breaks ties.

    Numbers in the text sort by value: class 2 comes before class 10.
    """
    plain = text.casefold().translate(_LETTERS_WITHOUT_DECOMPOSITION)
    letters = "".join(
        character
        for character in unicodedata.normalize("NFKD", plain)
        if character.isalnum() or character.isspace()
    )
    return _DIGITS.sub(lambda number: number[0].rjust(12, "0"), letters), text
