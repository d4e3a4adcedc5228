"""Free texts that people write: a single line, which looks like what it contains."""

import re

from shared.core.errors import InvalidInput
from shared.core.invisible import IN_FIRST_PLANE, INVISIBLE

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_BLANKS = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ue000-\uf8ff"
"""White space, and characters of private use, which most fonts have no sign for."""


def _pattern(excluded: str) -> str:
    return f"^[{_BLANKS}]*[^{excluded}{_BLANKS}][^{excluded}]*$"


PLAIN_TEXT = _pattern(_CONTROLS + IN_FIRST_PLANE)
"""No control characters, no line separators, and no invisible or bidirectional format characters
(UAX 9): with these, a name or purpose could be shown as another text. A text is not blank. As the
pattern of JSON Schema it has no characters of other planes, whose escapes differ between
dialects."""

_PLAIN_TEXT = re.compile(_pattern(_CONTROLS + INVISIBLE))


def require_plain_text(field: str, text: str) -> None:
    """Raise InvalidInput for a blank text, and for one with a character that is not shown."""
    if not _PLAIN_TEXT.fullmatch(text):
        raise InvalidInput(
            field,
            detail="Must be one line with text, without control and invisible characters.",
        )
