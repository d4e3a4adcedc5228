"""Free texts that people write: a single line, which looks like what it contains."""

import re

from shared.core.errors import InvalidInput

PLAIN_TEXT = (
    r"^[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+$"
)
"""No control characters, no line separators, and no invisible or bidirectional format characters
(UAX 9): with these, a name or purpose could be shown as another text."""

_PLAIN_TEXT = re.compile(PLAIN_TEXT.strip("^$"))


def require_plain_text(field: str, text: str) -> None:
    """Raise InvalidInput for a text with a character that is not shown."""
    if not _PLAIN_TEXT.fullmatch(text):
        raise InvalidInput(
            field, detail="Must be one line without control and invisible characters."
        )
