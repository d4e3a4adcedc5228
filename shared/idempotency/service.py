"""Use cases of idempotency keys: the same request sent again gets the answer it got before."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy.orm import Session

from shared.core.errors import Conflict, DomainError
from shared.idempotency import repository

KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that carries a key, as hashes: whose key for which operation, and what is asked."""

    key_sha256: bytes
    request_sha256: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    location: str | None
    body: str


def hash_of(*parts: str | None) -> bytes:
    """The same parts in the same order have the same hash, and no others have."""
    return sha256(json.dumps(parts).encode()).digest()


def recall(session: Session, request: KeyedRequest) -> Answer | None:
    """The answer that the request got before; None for the first, which holds its key from now on.

    Raises:
        Conflict: while another request with the same key is in progress.
        DomainError: `idempotencyKeyReused`, when the key was used for another request.
    """
    if not repository.hold_key(session, request.key_sha256):
        raise Conflict(
            "requestInFlight",
            "A request with this idempotency key is in progress; send it again in a moment.",
        )
    kept = repository.find_answer(session, request.key_sha256)
    if kept is None:
        return None
    if kept.request_sha256 != request.request_sha256:
        raise DomainError(
            "idempotencyKeyReused",
            "This idempotency key was used for another request; use a new key for a new request.",
        )
    return Answer(kept.status, kept.location, kept.body)


def keep(session: Session, request: KeyedRequest, answer: Answer) -> None:
    """In the transaction of the work itself, so that a crash leaves both or neither."""
    repository.add_answer(session, asdict(request) | asdict(answer))


def remove_old_answers(session: Session) -> int:
    return repository.remove_answers(session, KEPT)
