"""Access tokens: signed with ES256, of type `at+jwt` (RFC 9068), checked before anything else."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey

from shared.access.rules import Caller, CallerError, CallerKind, Scope
from shared.core.errors import ConfigurationError, InvalidAccessToken

ALGORITHM = "ES256"
TYPE = "at+jwt"
MAX_TOKEN_CHARACTERS = 4096
MAX_LIFETIME = timedelta(hours=12)
CLOCK_SKEW_SECONDS = 5
MAX_CLIENT = 128
SCHOOL_ID = re.compile("[0-9]{6}")


@dataclass(frozen=True, slots=True)
class TokenAuthority:
    """Signs and checks tokens of one issuer for one audience with one key."""

    key: ECKey
    issuer: str
    audience: str

    @classmethod
    def from_key_file(cls, path: Path, issuer: str, audience: str) -> Self:
        """Reads a P-256 private key in PEM.

        Raises:
            ConfigurationError: when the file is missing or holds another kind of key.
        """
        try:
            key = ECKey.import_key(path.read_bytes())
        except (OSError, ValueError, JoseError) as error:
            raise ConfigurationError(
                f"the signing key {path} cannot be read; make one with "
                "`openssl ecparam -name prime256v1 -genkey -noout` and name it in "
                "TOETSFEEDBACK_SIGNING_KEY_FILE"
            ) from error
        if key.curve_name != "P-256" or not key.is_private:
            raise ConfigurationError(f"{path} does not hold the private half of a P-256 key")
        return cls(key, issuer, audience)

    def issue(self, caller: Caller, lifetime: timedelta) -> str:
        """A token for a caller, valid from now.

        Raises:
            CallerError: when the lifetime is not between one second and `MAX_LIFETIME`.
        """
        if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
            raise CallerError(f"a token lives between one second and {MAX_LIFETIME}")
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": caller.client,
            "client_id": caller.client,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": str(uuid4()),
            "scope": " ".join(sorted(caller.scopes)),
            "kind": caller.kind.value,
        }
        if caller.school_id is not None:
            claims["school"] = caller.school_id
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self.key.thumbprint()}
        return jwt.encode(header, claims, self.key, algorithms=[ALGORITHM])

    def verify(self, token: str) -> Caller:
        """The caller a token speaks for.

        Raises:
            InvalidAccessToken: whatever is wrong with it; only expiry is told apart.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidAccessToken
        try:
            decoded = jwt.decode(token, self.key, algorithms=[ALGORITHM])
            if decoded.header.get("typ") != TYPE or "crit" in decoded.header:
                raise InvalidAccessToken
            self._claims_registry().validate(decoded.claims)
            return _caller(decoded.claims)
        except ExpiredTokenError:
            raise InvalidAccessToken(expired=True) from None
        except (
            JoseError,
            CallerError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
        ):
            raise InvalidAccessToken from None

    def _claims_registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
            client_id={"essential": True},
            sub={"essential": True},
            scope={"essential": True},
            kind={"essential": True},
        )


def _caller(claims: dict[str, Any]) -> Caller:
    """Raises ValueError, TypeError or CallerError for claims that we would not have written."""
    client, school, scopes = claims["client_id"], claims.get("school"), claims["scope"].split()
    if not (isinstance(client, str) and client.isprintable() and len(client) <= MAX_CLIENT):
        raise ValueError("client_id")
    if school is not None and not (isinstance(school, str) and SCHOOL_ID.fullmatch(school)):
        raise ValueError("school")
    if not 0 < claims["exp"] - claims["iat"] <= MAX_LIFETIME.total_seconds():
        raise ValueError("exp")
    return Caller(
        client=client,
        kind=CallerKind(claims["kind"]),
        scopes=frozenset(Scope(scope) for scope in scopes),
        school_id=school,
    )
