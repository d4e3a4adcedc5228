"""The check value of the INSZ key: with another key, the hashes of one number would differ."""

import hmac
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.core.errors import Conflict
from shared.deliveries.models import InszKey

_CONSTANT: Final = b"toetsfeedback INSZ key"
"""It is not the 11 digits of an INSZ, so that its hash is not that of a student."""


def is_stored_key(session: Session, key: bytes) -> bool | None:
    """Return whether earlier imports used this key; None if no delivery has been applied."""
    stored = session.execute(select(InszKey.check_value)).scalar_one_or_none()
    return None if stored is None else hmac.compare_digest(stored, _check_value(key))


def require_stored_key(session: Session, key: bytes) -> None:
    """Compare the key with the one of earlier imports, if there are any.

    Raises:
        Conflict: earlier imports used another key.
    """
    if is_stored_key(session, key) is False:
        raise Conflict(
            "otherInszKey",
            "The INSZ key is not the one that earlier imports used, so that no student would be "
            "recognized. Set TOETSFEEDBACK_INSZ_KEY_FILE to the file with that key, which is in "
            "the backup of the keys, and import again.",
        )


def store_key(session: Session, key: bytes) -> None:
    """Store the check value of the key, unless there is one.

    Raises:
        Conflict: a concurrent import has stored that of another key.
    """
    session.execute(insert(InszKey).values(check_value=_check_value(key)).on_conflict_do_nothing())
    require_stored_key(session, key)


def _check_value(key: bytes) -> bytes:
    return hmac.digest(key, _CONSTANT, "sha256")
