"""Client assertions (`private_key_jwt`, RFC 7523): a client authenticates with its own key."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey

from shared.core.identifiers import canonical_uuid
from shared.oauth import jose
from shared.oauth.jose import PublicKey, SignatureError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES = frozenset({"", "jwt", "client-authentication+jwt"})
MAX_LIFETIME_SECONDS = 600
CLOCK_SKEW_SECONDS = 10
"""How far `iat` and `nbf` may be in the future: FAPI 2.0 asks for 10 s, and allows less than 60."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that its client signed for us; its `jti` may have been used before.

    `key` is the thumbprint of the key that signed it. `fault` is the reason why it is not valid
    yet, if there is one.
    """

    client_id: UUID
    id: str
    expires_at: float
    key: str
    fault: str | None = None

    @property
    def digest(self) -> bytes:
        return sha256(f"assertion {self.client_id} {self.id}".encode()).digest()


def unverified_client_id(text: str) -> UUID:
    """Return the client id in `sub`; nothing is verified yet.

    Raises:
        SignatureError: when `sub` is not a client id.
    """
    _, claims = jose.read_unverified(text)
    subject = claims.get("sub")
    client_id = canonical_uuid(subject) if isinstance(subject, str) else None
    if client_id is None:
        raise SignatureError("sub is not a client id")
    return client_id


def claimed_client_id(text: str) -> UUID | None:
    """Return the client id in `sub` for the audit log, or None; nothing is verified."""
    try:
        return unverified_client_id(text)
    except SignatureError:
        return None


def verify_assertion(
    text: str, client_id: UUID, keys: Sequence[PublicKey], issuer: str, now: float
) -> Assertion:
    """Verify the signature, issuer, audience and expiry of a client assertion.

    Its audience is the issuer of our tokens, as one string (FAPI 2.0, section 5.3.2.1), so that no
    other server can use it here.

    Raises:
        SignatureError: when it is not valid; the message names the part that is wrong.
    """
    claims, key = _verified_claims(text, keys)
    if not claims.get("iss") == claims.get("sub") == str(client_id):
        raise SignatureError("iss and sub are not both the client id")
    if claims.get("aud") != issuer:
        raise SignatureError(f"aud is not the issuer, {issuer}, as a single string")
    expires_at = jose.numeric_date(claims.get("exp"))
    if expires_at is None:
        raise SignatureError("exp is missing, or not a time in seconds since 1970")
    if expires_at <= now - CLOCK_SKEW_SECONDS:
        raise SignatureError("exp has passed; check the clock")
    if expires_at > now + MAX_LIFETIME_SECONDS:
        raise SignatureError(f"its lifetime is longer than {MAX_LIFETIME_SECONDS} seconds")
    fault = None
    for name in ("iat", "nbf"):
        begins_at = jose.numeric_date(claims.get(name, now))
        if begins_at is None or begins_at > now + CLOCK_SKEW_SECONDS:
            fault = f"{name} is in the future; check the clock"
    return Assertion(client_id, jose.require_jti(claims), expires_at, key.thumbprint(), fault)


@lru_cache(maxsize=1)
def placeholder_key() -> PublicKey:
    """Return a key that signs nothing, to verify the assertions of clients without a key."""
    return ECKey.import_key(ECKey.generate_key("P-256").as_dict(private=False))


def confirmed_key(text: str) -> dict[str, Any]:
    """Return the JWK that a verified assertion confirms (`cnf`, RFC 7800).

    Raises:
        SignatureError: when it confirms none.
    """
    _, claims = jose.read_unverified(text)
    confirmation = claims.get("cnf")
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    if not isinstance(jwk, dict):
        raise SignatureError("cnf has no jwk")
    return jwk


def named_key_id(text: str) -> str:
    """Return the thumbprint of the key that a verified assertion names as `key_id`.

    Raises:
        SignatureError: when it names none.
    """
    _, claims = jose.read_unverified(text)
    key_id = claims.get("key_id")
    if not isinstance(key_id, str):
        raise SignatureError("key_id is not a string")
    return key_id


def _verified_claims(text: str, keys: Sequence[PublicKey]) -> tuple[dict[str, Any], PublicKey]:
    for key in keys:
        try:
            return jose.verify(text, jose.fixed_key(key), TYPES).claims, key
        except jose.AlgorithmError:
            raise
        except SignatureError:
            continue
    raise SignatureError("it is not signed by a registered key of this client")
