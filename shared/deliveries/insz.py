"""The INSZ (national identification number): its check digits, and the hash that is stored."""

import hmac
from typing import Final

INSZ_DIGITS: Final = 11


def is_valid_insz(value: str) -> bool:
    """Check that the last two of eleven digits are 97 minus the first nine modulo 97.

    For a birth in or after 2000, the nine digits are preceded by a 2. The month is not checked: a
    bis number adds 20 or 40 to it, and an unknown date of birth has 00.
    """
    if len(value) != INSZ_DIGITS or not (value.isascii() and value.isdigit()):
        return False
    nine, check = int(value[:9]), int(value[9:])
    return check in {97 - nine % 97, 97 - (2_000_000_000 + nine) % 97}


def hash_insz(key: bytes, value: str) -> bytes:
    """Return the HMAC-SHA256 of the digits, which cannot be reversed without the key."""
    return hmac.digest(key, value.encode("ascii"), "sha256")
