"""Use cases of idempotency keys: a repeated request gets the stored response."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.errors import Conflict, DomainError
from shared.idempotency import repository


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an idempotency key, as hashes of its key and of its content."""

    key_sha256: bytes
    request_sha256: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """The parts of a response that are stored, and the students that it is about."""

    status: int
    location: str | None
    body: str
    students: Sequence[UUID] = ()


def hash_of(*parts: str | None) -> bytes:
    """Return an unambiguous hash of a sequence of strings."""
    return sha256(json.dumps(parts).encode()).digest()


def find_response(session: Session, request: KeyedRequest) -> Response | None:
    """Return the stored response to the request; for a new request, lock its key, return None.

    Raises:
        Conflict: while another request with the same key is being processed.
        DomainError: `idempotencyKeyReused`, when the key was used for another request.
    """
    if not repository.lock_key(session, request.key_sha256):
        raise Conflict(
            "requestInFlight",
            "A request with this idempotency key is being processed; send it again in a moment.",
        )
    stored = repository.find_response(session, request.key_sha256)
    if stored is None:
        return None
    if stored.request_sha256 != request.request_sha256:
        raise DomainError(
            "idempotencyKeyReused",
            "This idempotency key was used for another request; use a new key for a new request.",
        )
    return Response(stored.status, stored.location, stored.body, tuple(stored.students))


def store_response(session: Session, request: KeyedRequest, response: Response) -> None:
    """Store the response in the transaction of the work: a crash leaves both or neither."""
    repository.add_response(session, asdict(request) | asdict(response))


def remove_old_responses(session: Session) -> int:
    """Remove the responses stored more than a day ago; return their number."""
    return repository.remove_responses(session)
