"""Identifiers: UUIDs in their canonical form (RFC 9562, section 4)."""

import re
from uuid import UUID

CANONICAL_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
"""Lower-case hexadecimal digits with hyphens: the only form that is accepted."""

_CANONICAL = re.compile(CANONICAL_UUID.strip("^$"))


def canonical_uuid(text: str) -> UUID | None:
    """Return the UUID of a text in canonical form; None for any other text.

    `UUID` itself also reads capitals, braces, `urn:uuid:` and digits without hyphens. Two texts for
    one id would be two ids for all that compares texts, such as a search in the audit log.
    """
    return UUID(text) if _CANONICAL.fullmatch(text) else None
