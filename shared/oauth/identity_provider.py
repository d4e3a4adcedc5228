"""Verification of the access tokens of the external OpenID provider of people at schools."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.core.errors import ConfigurationError
from shared.oauth import jose
from shared.oauth.assertions import ASSERTION_TYPE, CLOCK_SKEW_SECONDS
from shared.oauth.jose import SignatureError, WrongKeyError
from shared.oauth.person_claims import ClaimRules
from shared.oauth.provider_keys import KeySet, ProviderKeys
from shared.oauth.provider_requests import request_object

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  # the name of a type
"""The `typ` of an access token (RFC 9068, section 4). ID tokens are signed with the same keys for
the same audience, and are of type `JWT` or of none."""

TYPES = frozenset({ACCESS_TOKEN_TYPE, "jwt"})
"""Keycloak's access tokens are of type `JWT` too, with a claim `typ` that is `Bearer`; in its other
tokens this is `ID` or `Refresh`."""

ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
"""Claims of ID tokens (OpenID Connect Core 1.0), which an access token without a type has not."""

ACCESS_TOKEN_TYPES = frozenset({"bearer", "dpop"})
"""Values of `token_type` (RFC 7662), and of Keycloak's claim `typ`."""

ASSERTION_SECONDS = 60
HOUR = 3600

_CLIENT_KEY_ALGORITHMS: tuple[tuple[type[ECKey | RSAKey], str], ...] = (
    (ECKey, "ES256"),
    (RSAKey, "RS256"),
)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class UserTokenError(ValueError):
    """A token that is not valid or not meant for the portal; the message names the reason."""


class ProviderSettings(BaseModel):
    """Settings of the provider: tokens are verified by introspection, or with its JWK Set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    audience: str  # the id of the portal at the provider; tokens for others are rejected
    introspection_url: str | None = None
    client_id: str = ""  # the id of this service at the provider
    client_key_file: Path | None = None
    jwks_url: str | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=10)] = 3.0
    max_key_age_hours: Annotated[float, Field(gt=0, le=168)] = 24.0  # without a response
    accepted_acr: Annotated[frozenset[str] | None, Field(min_length=1)] = None  # any when absent
    claims: ClaimRules

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a JSON file; raise ConfigurationError that names each wrong field."""
        try:
            return cls.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"{file}, set in TOETSFEEDBACK_USER_PROVIDER_FILE, {_describe(error)}; "
                "docs/tokens.md has an example"
            ) from None

    @model_validator(mode="after")
    def _has_one_safe_url(self) -> Self:
        urls = [url for url in (self.introspection_url, self.jwks_url) if url is not None]
        if len(urls) != 1:
            raise ValueError("set either introspection_url or jwks_url")
        address = urlsplit(urls[0])
        if address.scheme != "https" and address.hostname not in _LOOPBACK:
            raise ValueError("the URL must start with https://, or have a loopback host")
        if self.introspection_url and not (self.client_id and self.client_key_file):
            raise ValueError("introspection needs client_id and client_key_file")
        return self


def _describe(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return "cannot be read"
    faults = error.errors(include_input=False, include_url=False)
    fields = (f"{'.'.join(map(str, fault['loc']))} ({fault['msg']})" for fault in faults)
    return f"is not valid: {', '.join(fields)}"


class Provider(Protocol):
    """A verifier of the provider's access tokens."""

    settings: ProviderSettings

    @property
    def keys(self) -> ProviderKeys | None:
        """The keys that verify tokens; None when tokens are introspected."""
        ...

    def verify_token(self, token: str) -> Mapping[str, Any]:
        """Verify a token and return its claims.

        Raises:
            UserTokenError: when it is not valid, or not meant for the portal.
            ProviderUnavailableError: when the provider sends no usable response.
        """
        ...


def open_provider(settings: ProviderSettings) -> Provider:
    """Return the verifier for the settings, without a request to the provider.

    Raises:
        ConfigurationError: when the private key for introspection cannot be used.
    """
    if settings.jwks_url is not None:
        return KeySetProvider(settings, settings.jwks_url)
    return IntrospectionProvider(settings)


class IntrospectionProvider:
    """A verifier by introspection (RFC 7662), authenticated with a client assertion."""

    keys = None

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._key, self._algorithm = _private_key(settings.client_key_file or Path())

    def verify_token(self, token: str) -> Mapping[str, Any]:
        settings = self.settings
        form = {
            "token": token,
            "client_id": settings.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        response = request_object(
            "POST", settings.introspection_url or "", settings.timeout_seconds, form
        )
        if response.get("active") is not True:
            raise UserTokenError("it is not active at the provider")
        _require_access_token(response)
        now = time.time()
        defaults = {"iss": settings.issuer, "exp": now + ASSERTION_SECONDS}
        return _require_valid_claims(settings, defaults | response, now)

    def _assertion(self) -> str:
        now, client_id = int(time.time()), self.settings.client_id
        claims: dict[str, Any] = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.settings.issuer,
            "jti": str(uuid4()),
        }
        claims |= {"iat": now, "exp": now + ASSERTION_SECONDS}
        return jwt.encode({"alg": self._algorithm}, claims, self._key, [self._algorithm])


def _private_key(file: Path) -> tuple[ECKey | RSAKey, str]:
    for kind, algorithm in _CLIENT_KEY_ALGORITHMS:
        try:
            key = kind.import_key(file.read_bytes())
        except (OSError, ValueError, TypeError, JoseError):
            continue
        if key.is_private:
            return key, algorithm
    raise ConfigurationError(
        f"{file} contains no private P-256 or RSA key in PEM; correct client_key_file in the file "
        "that TOETSFEEDBACK_USER_PROVIDER_FILE names"
    )


class KeySetProvider:
    """A verifier by signature, with the keys that the provider published."""

    def __init__(self, settings: ProviderSettings, jwks_url: str) -> None:
        self.settings = settings
        self.keys = ProviderKeys(
            jwks_url, settings.timeout_seconds, settings.max_key_age_hours * HOUR
        )

    def verify_token(self, token: str) -> Mapping[str, Any]:
        try:
            claims = self._verify_signature(token)
            header, _ = jose.read_unverified(token, jose.MAX_PROVIDER_CHARACTERS)
        except WrongKeyError:
            raise UserTokenError("it is not signed by a key of the provider") from None
        except SignatureError as error:
            raise UserTokenError(str(error)) from None
        if header["typ"].lower().removeprefix("application/") != ACCESS_TOKEN_TYPE:
            _require_claimed_type(claims)
        return _require_valid_claims(self.settings, claims, time.time())

    def _verify_signature(self, token: str) -> dict[str, Any]:
        """Verify with the known keys, and with newer ones when none of these signed the token."""
        known = self.keys.current()
        try:
            return _claims_signed_by(known, token)
        except WrongKeyError:
            if newer := self.keys.newer_than(known):
                return _claims_signed_by(newer, token)
            raise


def _claims_signed_by(keys: KeySet, token: str) -> dict[str, Any]:
    return jose.verify(
        token, keys.find, TYPES, jose.PROVIDER_ALGORITHMS, jose.MAX_PROVIDER_CHARACTERS
    ).claims


def _require_access_token(claims: Mapping[str, Any]) -> None:
    """Raise UserTokenError for an introspected ID token or refresh token.

    Some providers introspect these too. Without a claim `typ`, the claims of ID tokens decide;
    with it they do not, since older access tokens of Keycloak have a `nonce`.
    """
    if not _is_access_token_type(claims.get("token_type", "bearer")):
        raise UserTokenError("it is not an access token: its token_type is another")
    if "typ" in claims:
        _require_claimed_type(claims)
    elif ID_TOKEN_CLAIMS & claims.keys():
        raise UserTokenError("it is not an access token: it has claims of ID tokens")


def _require_claimed_type(claims: Mapping[str, Any]) -> None:
    """Raise UserTokenError unless the claim `typ` is that of an access token."""
    if not _is_access_token_type(claims.get("typ")):
        raise UserTokenError("it is not an access token: its typ is another")


def _is_access_token_type(value: object) -> bool:
    return isinstance(value, str) and value.lower() in ACCESS_TOKEN_TYPES


def _require_valid_claims(
    settings: ProviderSettings, claims: Mapping[str, Any], now: float
) -> Mapping[str, Any]:
    if claims.get("iss") != settings.issuer:
        raise UserTokenError("iss is not the provider")
    _require_audience(settings.audience, claims)
    expires_at = jose.numeric_date(claims.get("exp"))
    if expires_at is None or expires_at <= now:
        raise UserTokenError("exp is missing or has passed")
    begins_at = jose.numeric_date(claims.get("nbf", now))
    if begins_at is None or begins_at > now + CLOCK_SKEW_SECONDS:
        raise UserTokenError("nbf is in the future")
    _require_accepted_acr(settings, claims.get("acr"))
    return claims


def _require_audience(portal: str, claims: Mapping[str, Any]) -> None:
    """Raise UserTokenError unless the token was issued to the portal.

    The client that it was issued to decides, if the token names it; otherwise its audience.
    """
    issued_to = [claims[name] for name in ("azp", "client_id") if name in claims]
    audience = claims.get("aud")
    named = issued_to or (audience if isinstance(audience, list) else [audience])
    is_issued_to_it = all(one == portal for one in issued_to)
    if portal not in named or not is_issued_to_it:
        raise UserTokenError("it is not meant for this portal")


def _require_accepted_acr(settings: ProviderSettings, acr: object) -> None:
    """Raise UserTokenError when the sign-on is not one of the strengths that the settings name."""
    accepted = settings.accepted_acr
    if accepted is not None and not (isinstance(acr, str) and acr in accepted):
        raise UserTokenError("acr is not one of those that this service accepts")
