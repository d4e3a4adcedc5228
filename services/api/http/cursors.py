"""Cursors: the key of the last row of a page, encrypted, so that a URL contains no name.

A cursor is bound to its list: the path, the filters and the caller. It gives access to nothing:
the list that it continues is authorized like any other request.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from shared.core.paging import RowKey
from shared.oauth.signing_keys import DatedSecrets, latest_in_effect

BLOCK: Final = 64
"""Keys are padded to whole blocks, so that the length of a cursor tells little about a name."""

_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "uuid": UUID,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


class InvalidCursorError(Exception):
    """A text that is no cursor of this list for this caller."""


class Cursors:
    """Encrypt and decrypt cursors with AES-SIV (RFC 5297).

    The same key gives the same cursor; `secrets` are those of the signing keys, with the days from
    which they are used. A cursor is valid as long as the signing key of its day.
    """

    def __init__(self, secrets: DatedSecrets) -> None:
        self._ciphers = [(day, AESSIV(secret)) for day, secret in secrets]

    def encrypt(self, key: RowKey, of_list: bytes) -> str:
        text = json.dumps(key, default=_write, ensure_ascii=False).encode()
        padded = text.ljust(-(-len(text) // BLOCK) * BLOCK)
        cipher = latest_in_effect(self._ciphers)
        return urlsafe_b64encode(cipher.encrypt(padded, [of_list])).rstrip(b"=").decode()

    def decrypt(self, cursor: str, of_list: bytes) -> RowKey:
        """Return the key in a cursor of the list; raise InvalidCursorError for anything else."""
        try:
            encrypted = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise InvalidCursorError from None
        for _, cipher in self._ciphers:
            try:
                text = cipher.decrypt(encrypted, [of_list])
            except InvalidTag:
                continue
            return tuple(json.loads(text, object_hook=_read))
        raise InvalidCursorError


def _write(value: UUID | date) -> dict[str, str]:
    return {type(value).__name__.lower(): str(value)}


def _read(written: dict[str, str]) -> Any:
    ((name, value),) = written.items()
    return _READERS[name](value)
