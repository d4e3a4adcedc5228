"""The INSZ: its check digits, and the keyed hash that is all we keep of it."""

import hmac
from typing import Final

INSZ_DIGITS: Final = 11


def is_valid_insz(value: str) -> bool:
    """Whether the last two of eleven digits are 97 minus the first nine modulo 97.

    For a birth from 2000 on, a 2 goes in front of the nine. The month says nothing: a bis number
    adds 20 or 40 to it, and an unknown birthday has 00.
    """
    if len(value) != INSZ_DIGITS or not (value.isascii() and value.isdigit()):
        return False
    nine, check = int(value[:9]), int(value[9:])
    return check in {97 - nine % 97, 97 - (2_000_000_000 + nine) % 97}


def hash_insz(key: bytes, value: str) -> bytes:
    """HMAC-SHA256 of the digits: equal numbers match, and nobody without the key can go back."""
    return hmac.digest(key, value.encode("ascii"), "sha256")
