"""Codes of registrations: ten characters that a person can read aloud, for the desk.

A code follows from the id of its registration and a key, so that it is stored nowhere. The database
has a keyed hash of it, by which the desk finds the registration.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from shared.core.secrets import read_key

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's Base32: without I, L, O and U."""

CODE_LENGTH = 10
"""Nine characters, and one that detects a wrong or exchanged character."""

_LOOK_ALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", " ": None, "-": None})
_POLYNOMIAL = 0b100101
"""x^5 + x^2 + 1: characters are elements of GF(32), so that each place has a weight of its own."""


@dataclass(frozen=True, slots=True)
class ViewingKey:
    """The key from which codes follow; the API and the workers have the same."""

    _key: bytes

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the key; raise ConfigurationError when the file contains no usable one."""
        return cls(read_key(path, "TOETSFEEDBACK_VIEWING_KEY_FILE"))

    def code_of(self, registration_id: UUID) -> str:
        """Return the code of a registration."""
        digest = self._digest(b"code", registration_id.bytes)
        number = int.from_bytes(digest[:8]) >> (64 - 5 * (CODE_LENGTH - 1))
        shifts = range(5 * (CODE_LENGTH - 2), -1, -5)
        characters = "".join(ALPHABET[number >> shift & 31] for shift in shifts)
        return characters + check_character(characters)

    def hash_of(self, code: str) -> bytes:
        """Return the hash under which the registration with this code is stored."""
        return self._digest(b"hash", code.encode("ascii"))

    def _digest(self, purpose: bytes, value: bytes) -> bytes:
        return hmac.digest(self._key, b"viewing " + purpose + b"\0" + value, "sha256")


def check_character(characters: str) -> str:
    """Return the last character of a code.

    It detects each wrong character, and each exchange of two.
    """
    remainder = 0
    for character in characters:
        remainder = (remainder ^ ALPHABET.index(character)) << 1
        if remainder > len(ALPHABET) - 1:
            remainder ^= _POLYNOMIAL
    return ALPHABET[remainder]


def parse_code(text: str) -> str | None:
    """Return the code that a person typed, with look-alikes corrected; None if it is none."""
    code = text.upper().translate(_LOOK_ALIKES)
    if len(code) != CODE_LENGTH or not set(code) <= set(ALPHABET):
        return None
    return code if check_character(code[:-1]) == code[-1] else None


def written(code: str) -> str:
    """Return the code as a person reads it, in two groups."""
    return f"{code[:5]}-{code[5:]}"
