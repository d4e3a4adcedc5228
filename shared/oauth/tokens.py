"""Access tokens: JWTs of type `at+jwt` (RFC 9068), signed with ES256."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self
from uuid import uuid4

from joserfc import jwt

from shared.access.rules import Caller, CallerError, CallerKind, Scope
from shared.core.errors import InvalidAccessToken
from shared.core.settings import Settings
from shared.oauth import jose
from shared.oauth.signing_keys import SigningKeys

ALGORITHM = "ES256"
TYPE = "at+jwt"
TYPES = frozenset({TYPE})
MAX_LIFETIME = timedelta(minutes=10)
CLOCK_SKEW = timedelta(seconds=5)
"""How long an expired token is accepted; its revocation is kept as long."""
MAX_CLIENT_CHARACTERS = 128
MAX_CACHED_TOKENS = 10_000
SCHOOL_ID = re.compile("[0-9]{6}")
IDENTIFIER = re.compile("[A-Za-z0-9_-]{1,128}")
_DECODE_ERRORS = (CallerError, ValueError, OverflowError, TypeError, KeyError, AttributeError)
"""Errors of a token that this service did not issue, `SignatureError` among them."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a verified access token; `thumbprint` is of the key that it is bound to.

    `client_key` is the thumbprint of the registered key with which its client requested it.
    `schools` are those that a school reads, once the token was validated with the database.
    """

    caller: Caller
    id: str
    issued_at: datetime
    expires_at: datetime
    thumbprint: str
    client_key: str | None = None
    schools: tuple[str, ...] = ()

    def has_expired(self) -> bool:
        return self.expires_at + CLOCK_SKEW <= datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TokenAuthority:
    """The keys, issuer and audience with which access tokens are issued and verified."""

    keys: SigningKeys
    issuer: str
    audience: str
    _cache: dict[bytes, AccessToken] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the signing keys; raise ConfigurationError when they cannot be used."""
        keys = SigningKeys.read(settings.require_file("signing_keys"))
        return cls(keys, settings.public_url, settings.token_audience)

    def issue(
        self, caller: Caller, lifetime: timedelta, thumbprint: str, client_key: str | None = None
    ) -> str:
        """Issue a token for a caller, valid from now and bound to the key with the thumbprint.

        Raises:
            CallerError: when the lifetime is not between one second and `MAX_LIFETIME`.
        """
        if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
            raise CallerError(f"the lifetime must be between one second and {MAX_LIFETIME}")
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
            "cnf": {"jkt": thumbprint},
        }
        if caller.school_id is not None:
            claims["school"] = caller.school_id
        if caller.subject is not None:
            claims["act"] = {"sub": caller.client}
        if client_key is not None:
            claims["client_key"] = client_key
        key = self.keys.signing
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def verify(self, token: str) -> AccessToken:
        """Verify the signature and the claims of a token; revocation is not checked.

        Raises:
            InvalidAccessToken: when it is not valid; only expiry is distinguished.
        """
        digest = sha256(token.encode()).digest()
        cached = self._cache.get(digest)
        if cached is None:
            cached = self._decode(token)
            if len(self._cache) >= MAX_CACHED_TOKENS:
                self._cache.clear()
            self._cache[digest] = cached
        if cached.has_expired():
            raise InvalidAccessToken(is_expired=True)
        return cached

    def _decode(self, token: str) -> AccessToken:
        try:
            claims, _ = jose.verify(
                token, lambda header: (self.keys.by_id()[header["kid"]],), TYPES
            )
            if claims["iss"] != self.issuer or claims["aud"] != self.audience:
                raise InvalidAccessToken
            return _access_token(claims)
        except _DECODE_ERRORS:
            raise InvalidAccessToken from None


def _access_token(claims: dict[str, Any]) -> AccessToken:
    """Read the claims; raise one of `_DECODE_ERRORS` when this service did not issue them."""
    client, subject, school = claims["client_id"], claims["sub"], claims.get("school")
    issued_at, expires_at = claims["iat"], claims["exp"]
    thumbprint = claims["cnf"]["jkt"]
    if not (
        isinstance(client, str) and client.isprintable() and len(client) <= MAX_CLIENT_CHARACTERS
    ):
        raise ValueError("client_id")
    if school is not None and not (isinstance(school, str) and SCHOOL_ID.fullmatch(school)):
        raise ValueError("school")
    if not (
        isinstance(issued_at, int) and 0 < expires_at - issued_at <= MAX_LIFETIME.total_seconds()
    ):
        raise ValueError("exp")
    if issued_at > datetime.now(UTC).timestamp() + CLOCK_SKEW.total_seconds():
        raise ValueError("iat")
    person = None if subject == client else subject
    client_key = claims.get("client_key")
    for identifier in (claims["jti"], thumbprint, person or "-", client_key or "-"):
        if not IDENTIFIER.fullmatch(identifier):
            raise ValueError("identifier")
    scopes = frozenset(Scope(scope) for scope in claims["scope"].split())
    return AccessToken(
        caller=Caller(client, CallerKind(claims["kind"]), scopes, school, person),
        id=claims["jti"],
        issued_at=datetime.fromtimestamp(issued_at, UTC),
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        thumbprint=thumbprint,
        client_key=client_key,
    )
