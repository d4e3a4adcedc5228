"""SQL of kept answers."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from shared.idempotency.models import KeptAnswer


def hold_key(session: Session, key_sha256: bytes) -> bool:
    """Keeps others with the same key out until the transaction ends; False when one is at work."""
    number = int.from_bytes(key_sha256[:8], signed=True)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(number))))


def find_answer(session: Session, key_sha256: bytes) -> KeptAnswer | None:
    return session.get(KeptAnswer, key_sha256)


def add_answer(session: Session, values: dict[str, Any]) -> None:
    session.execute(insert(KeptAnswer).values(values))


def remove_answers(session: Session, older_than: timedelta) -> int:
    """How many there were that are older than that."""
    gone = delete(KeptAnswer).where(KeptAnswer.created_at < func.now() - older_than)
    return len(session.execute(gone.returning(KeptAnswer.key_sha256)).all())
