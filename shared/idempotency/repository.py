"""SQL of stored responses."""

from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from shared.idempotency.models import StoredResponse


def lock_key(session: Session, key_sha256: bytes) -> bool:
    """Lock the key until the transaction ends; return False when another request has locked it."""
    number = int.from_bytes(key_sha256[:8], signed=True)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(number))))


def find_response(session: Session, key_sha256: bytes) -> StoredResponse | None:
    return session.get(StoredResponse, key_sha256)


def add_response(session: Session, values: dict[str, Any]) -> None:
    session.execute(insert(StoredResponse).values(values))


def remove_responses(session: Session) -> int:
    """Remove responses a day after they were stored; return their number."""
    return int(session.execute(text("select remove_expired_stored_responses()")).scalar_one())
