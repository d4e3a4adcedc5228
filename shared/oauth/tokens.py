"""Access tokens: signed with ES256, of type `at+jwt` (RFC 9068), checked before anything else."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self
from uuid import uuid4

from joserfc import jwt

from shared.access.rules import Caller, CallerError, CallerKind, Scope, needs_proof
from shared.core.errors import InvalidAccessToken
from shared.core.settings import Settings
from shared.oauth import jose
from shared.oauth.signing_keys import SigningKeys

ALGORITHM = "ES256"
TYPE = "at+jwt"
TYPES = frozenset({TYPE})
MAX_LIFETIME = timedelta(minutes=10)
CLOCK_SKEW = timedelta(seconds=5)
MAX_CLIENT = 128
REMEMBERED_TOKENS = 10_000
SCHOOL_ID = re.compile("[0-9]{6}")
OPAQUE = re.compile("[A-Za-z0-9_-]{1,128}")
_WRONG = (CallerError, ValueError, OverflowError, TypeError, KeyError, AttributeError)
"""What claims raise that we would not have written, `SignatureError` among them."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says: who it speaks for, until when, and which key it is bound to, if any.

    `client_key` is the thumbprint of the registered key with which its client requested it.
    """

    caller: Caller
    id: str
    issued_at: datetime
    expires_at: datetime
    thumbprint: str | None
    client_key: str | None = None

    def has_expired(self) -> bool:
        return self.expires_at + CLOCK_SKEW <= datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TokenAuthority:
    """Signs and checks tokens of one issuer for one audience."""

    keys: SigningKeys
    issuer: str
    audience: str
    _remembered: dict[bytes, AccessToken] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises ConfigurationError when the signing keys cannot be used."""
        keys = SigningKeys.read(settings.signing_keys)
        return cls(keys, settings.public_url, settings.token_audience)

    def issue(
        self,
        caller: Caller,
        lifetime: timedelta,
        thumbprint: str | None = None,
        client_key: str | None = None,
    ) -> str:
        """Issue a token for a caller, valid from now, bound to the key with the thumbprint.

        Raises:
            CallerError: when the lifetime is not between one second and `MAX_LIFETIME`, or a
                scope asks for a key and none is given.
        """
        if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
            raise CallerError(f"a token lives between one second and {MAX_LIFETIME}")
        if thumbprint is None and needs_proof(caller.scopes):
            raise CallerError("a token that reads about students is bound to a key; name one")
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": caller.subject or caller.client,
            "client_id": caller.client,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": str(uuid4()),
            "scope": " ".join(sorted(caller.scopes)),
            "kind": caller.kind.value,
        }
        if caller.school_id is not None:
            claims["school"] = caller.school_id
        if caller.subject is not None:
            claims["act"] = {"sub": caller.client}
        if thumbprint is not None:
            claims["cnf"] = {"jkt": thumbprint}
        if client_key is not None:
            claims["client_key"] = client_key
        key = self.keys.signing
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def verify(self, token: str) -> AccessToken:
        """What the token says. Nothing here knows whether it was revoked since.

        Raises:
            InvalidAccessToken: whatever is wrong with it; only expiry is told apart.
        """
        digest = sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is None:
            known = self._read(token)
            if len(self._remembered) >= REMEMBERED_TOKENS:
                self._remembered.clear()
            self._remembered[digest] = known
        if known.has_expired():
            raise InvalidAccessToken(is_expired=True)
        return known

    def _read(self, token: str) -> AccessToken:
        try:
            claims, _ = jose.verify(token, lambda header: self.keys.by_id()[header["kid"]], TYPES)
            if claims["iss"] != self.issuer or claims["aud"] != self.audience:
                raise InvalidAccessToken
            return _access_token(claims)
        except _WRONG:
            raise InvalidAccessToken from None


def _access_token(claims: dict[str, Any]) -> AccessToken:
    """Raises ValueError, TypeError or CallerError for claims that we would not have written."""
    client, subject, school = claims["client_id"], claims["sub"], claims.get("school")
    issued, expires, thumbprint = claims["iat"], claims["exp"], claims.get("cnf", {}).get("jkt")
    if not (isinstance(client, str) and client.isprintable() and len(client) <= MAX_CLIENT):
        raise ValueError("client_id")
    if school is not None and not (isinstance(school, str) and SCHOOL_ID.fullmatch(school)):
        raise ValueError("school")
    if not (isinstance(issued, int) and 0 < expires - issued <= MAX_LIFETIME.total_seconds()):
        raise ValueError("exp")
    if issued > datetime.now(UTC).timestamp() + CLOCK_SKEW.total_seconds():
        raise ValueError("iat")
    person = None if subject == client else subject
    client_key = claims.get("client_key")
    for opaque in (claims["jti"], thumbprint or "-", person or "-", client_key or "-"):
        if not OPAQUE.fullmatch(opaque):
            raise ValueError("opaque")
    scopes = frozenset(Scope(scope) for scope in claims["scope"].split())
    if thumbprint is None and needs_proof(scopes):
        raise ValueError("cnf")
    return AccessToken(
        caller=Caller(client, CallerKind(claims["kind"]), scopes, school, person),
        id=claims["jti"],
        issued_at=datetime.fromtimestamp(issued, UTC),
        expires_at=datetime.fromtimestamp(expires, UTC),
        thumbprint=thumbprint,
        client_key=client_key,
    )
