"""JSON that every parser reads alike (I-JSON, RFC 7493): unique names, no `NaN` or infinities."""

import json
from typing import Any


class DuplicateMemberError(ValueError):
    """An object with two members of one name: of these, each parser takes another."""

    def __init__(self, name: str) -> None:
        super().__init__("duplicate member")
        self.name = name


def parse_json(text: str | bytes) -> Any:
    """Parse a JSON text; bytes are UTF-8 without a byte order mark (RFC 8259, section 8.1).

    Raises:
        DuplicateMemberError: when an object in it has two members of one name.
        ValueError: when it is not JSON, or has too many nested levels.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(decoded, object_pairs_hook=unique_members, parse_constant=reject_constant)
    except RecursionError:
        raise ValueError("too many nested levels") from None


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object; raise DuplicateMemberError when a name is repeated."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise DuplicateMemberError(name)
        members[name] = value
    return members


def reject_constant(name: str) -> None:
    """Reject `NaN` and infinities, which Python accepts and JSON does not allow."""
    raise ValueError(f"{name} is not JSON")
