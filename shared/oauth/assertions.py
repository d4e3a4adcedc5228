"""Client assertions (`private_key_jwt`, RFC 7523): a client shows who it is with its own key."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from shared.oauth import jose
from shared.oauth.jose import PublicKey, SignatureError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES = frozenset({"", "jwt", "client-authentication+jwt"})
MAX_LIFETIME_SECONDS = 600
CLOCK_SKEW_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Assertion:
    """A valid assertion, if it was never used before; `key` is the thumbprint of its key."""

    client_id: UUID
    id: str
    expires_at: float
    key: str

    @property
    def digest(self) -> bytes:
        return sha256(f"assertion {self.client_id} {self.id}".encode()).digest()


def claimed_client(text: str) -> UUID:
    """Who the assertion says it is from; nothing is checked yet.

    Raises:
        SignatureError: when it names no client.
    """
    _, claims = jose.peek(text)
    try:
        return UUID(claims["sub"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise SignatureError("sub is not a client id") from None


def read_assertion(
    text: str, client_id: UUID, keys: Sequence[PublicKey], audiences: frozenset[str], now: float
) -> Assertion:
    """The assertion, if one of the client's keys signed it and it is for us and for now.

    Raises:
        SignatureError: whatever is wrong with it; the message says which part.
    """
    claims, key = _signed_claims(text, keys)
    if not claims.get("iss") == claims.get("sub") == str(client_id):
        raise SignatureError("iss and sub are not both the client id")
    given = claims.get("aud")
    named = given if isinstance(given, list) else [given]
    if not any(isinstance(name, str) and name in audiences for name in named):
        raise SignatureError("aud is not this service")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now - CLOCK_SKEW_SECONDS:
        raise SignatureError("exp is missing or has passed")
    if expires > now + MAX_LIFETIME_SECONDS:
        raise SignatureError(f"it lives longer than {MAX_LIFETIME_SECONDS} seconds")
    for name in ("iat", "nbf"):
        begins = claims.get(name, now)
        if not isinstance(begins, int | float) or begins > now + CLOCK_SKEW_SECONDS:
            raise SignatureError(f"{name} has not come yet; see that the clock is right")
    return Assertion(client_id, jose.require_id(claims), expires, key.thumbprint())


def _signed_claims(text: str, keys: Sequence[PublicKey]) -> tuple[dict[str, Any], PublicKey]:
    for key in keys:
        try:
            return jose.verify(text, jose.only(key), TYPES).claims, key
        except SignatureError:
            continue
    raise SignatureError("it is not signed by a registered key of this client")
