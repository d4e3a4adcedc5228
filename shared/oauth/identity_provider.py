"""The outside OpenID provider that people at schools sign on to: how to ask it about a token."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.core.errors import ConfigurationError
from shared.oauth import jose
from shared.oauth.assertions import ASSERTION_TYPE, CLOCK_SKEW_SECONDS
from shared.oauth.jose import PublicKey, SignatureError
from shared.oauth.person_claims import ClaimRules

logger = structlog.get_logger(__name__)

TYPES = frozenset({"at+jwt"})
"""Only access tokens (RFC 9068, section 4): an ID token is signed with the same keys for the same
audience, and is `JWT` or without a type."""

ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
"""Claims of ID tokens (OpenID Connect Core 1.0), which an introspected access token has not."""

ACCESS_TOKEN_TYPES = frozenset({"bearer", "dpop"})
ASSERTION_SECONDS = 60
KEYS_KEPT_SECONDS = 300.0
ASKS_AGAIN_SECONDS = 10.0
MOST_BYTES = 64 * 1024

_SIGNS_WITH: tuple[tuple[type[ECKey | RSAKey], str], ...] = ((ECKey, "ES256"), (RSAKey, "RS256"))
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ProviderAwayError(Exception):
    """The provider gave no answer that can be used, or not in time."""


class UserTokenError(ValueError):
    """A token that the provider does not vouch for, or not to us; the message names what."""


class ProviderSettings(BaseModel):
    """Which provider it is, and how its tokens are checked: by asking it, or with its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    audience: str  # what the portal is called there: a token for anyone else is not taken
    introspection_url: str | None = None
    client_id: str = ""  # what we are called there
    client_key_file: Path | None = None
    jwks_url: str | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=10)] = 3.0
    claims: ClaimRules

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises ConfigurationError that names what is wrong in the file."""
        try:
            return cls.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"{file}, which TOETSFEEDBACK_USER_PROVIDER_FILE names, {_fault(error)}; "
                "docs/tokens.md shows one"
            ) from None

    @model_validator(mode="after")
    def _one_way_that_is_protected(self) -> Self:
        given = [url for url in (self.introspection_url, self.jwks_url) if url is not None]
        if len(given) != 1:
            raise ValueError("name introspection_url or jwks_url, and not both")
        address = urlsplit(given[0])
        if address.scheme != "https" and address.hostname not in _LOOPBACK:
            raise ValueError("the address must start with https://, or lead to this machine")
        if self.introspection_url and not (self.client_id and self.client_key_file):
            raise ValueError("introspection needs client_id and client_key_file")
        return self


def _fault(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return "cannot be read"
    faults = error.errors(include_input=False, include_url=False)
    named = (f"{'.'.join(map(str, fault['loc']))} ({fault['msg']})" for fault in faults)
    return f"is wrong: {', '.join(named)}"


class Provider(Protocol):
    """Says what a user's token says, if it holds."""

    settings: ProviderSettings

    def claims_of(self, token: str) -> Mapping[str, Any]:
        """Raises UserTokenError, or ProviderAwayError when that cannot be known now."""
        ...


def open_provider(settings: ProviderSettings) -> Provider:
    """Raises ConfigurationError when the key for it cannot be used; asks the provider nothing."""
    if settings.jwks_url is not None:
        return KeySetProvider(settings, settings.jwks_url)
    return IntrospectingProvider(settings)


class IntrospectingProvider:
    """Asks about each token (RFC 7662), and shows who it is with a key of its own."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._key, self._algorithm = _private_key(settings.client_key_file or Path())

    def claims_of(self, token: str) -> Mapping[str, Any]:
        settings = self.settings
        form = {
            "token": token,
            "client_id": settings.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        answer = _ask(settings, "POST", settings.introspection_url or "", form)
        if answer.get("active") is not True:
            raise UserTokenError("the provider says that it is not active")
        _require_access_token(answer)
        now = time.time()
        taken_for_granted = {"iss": settings.issuer, "exp": now + ASSERTION_SECONDS}
        return _require_for_us(settings, taken_for_granted | answer, now)

    def _assertion(self) -> str:
        now, us = int(time.time()), self.settings.client_id
        claims: dict[str, Any] = {
            "iss": us,
            "sub": us,
            "aud": self.settings.issuer,
            "jti": str(uuid4()),
        }
        claims |= {"iat": now, "exp": now + ASSERTION_SECONDS}
        return jwt.encode({"alg": self._algorithm}, claims, self._key, [self._algorithm])


def _private_key(file: Path) -> tuple[ECKey | RSAKey, str]:
    for kind, algorithm in _SIGNS_WITH:
        try:
            key = kind.import_key(file.read_bytes())
        except (OSError, ValueError, TypeError, JoseError):
            continue
        if key.is_private:
            return key, algorithm
    raise ConfigurationError(
        f"{file} holds no private key, P-256 or RSA in PEM; client_key_file in the file that "
        "TOETSFEEDBACK_USER_PROVIDER_FILE names has to lead to one"
    )


class KeySetProvider:
    """Checks signatures with the provider's published keys, and looks for new ones at times."""

    def __init__(self, settings: ProviderSettings, jwks_url: str) -> None:
        self.settings = settings
        self._url = jwks_url
        self._keys: dict[str, PublicKey] = {}
        self._asked_at = -KEYS_KEPT_SECONDS

    def claims_of(self, token: str) -> Mapping[str, Any]:
        try:
            claims, _ = jose.verify(token, lambda header: self._key(header.get("kid")), TYPES)
        except SignatureError as error:
            raise UserTokenError(str(error)) from None
        return _require_for_us(self.settings, claims, time.time())

    def _key(self, kid: object) -> PublicKey:
        if not isinstance(kid, str):
            raise UserTokenError("no key of the provider signed it")
        known = kid in self._keys
        age = time.monotonic() - self._asked_at
        if age >= (KEYS_KEPT_SECONDS if known else ASKS_AGAIN_SECONDS):
            answer = _ask(self.settings, "GET", self._url)
            self._keys = _keys_in(answer)
            self._asked_at = time.monotonic()
        if kid not in self._keys:
            raise UserTokenError("no key of the provider signed it")
        return self._keys[kid]


def _keys_in(answer: Mapping[str, Any]) -> dict[str, PublicKey]:
    """Those of a kind that we take; a provider may have others beside them."""
    keys = {}
    listed = answer.get("keys")
    for parameters in listed if isinstance(listed, list) else ():
        try:
            keys[str(parameters["kid"])] = jose.public_key(parameters)
        except (SignatureError, KeyError, TypeError, AttributeError):
            continue
    return keys


def _require_access_token(claims: Mapping[str, Any]) -> None:
    """Raise UserTokenError for an ID token; some providers introspect these too."""
    token_type = claims.get("token_type", "bearer")
    is_access_token = isinstance(token_type, str) and token_type.lower() in ACCESS_TOKEN_TYPES
    if not is_access_token or ID_TOKEN_CLAIMS & claims.keys():
        raise UserTokenError("it is not an access token")


def _require_for_us(
    settings: ProviderSettings, claims: Mapping[str, Any], now: float
) -> Mapping[str, Any]:
    if claims.get("iss") != settings.issuer:
        raise UserTokenError("iss is not the provider")
    given = claims.get("aud")
    audiences = [*(given if isinstance(given, list) else [given]), claims.get("client_id")]
    if settings.audience not in audiences:
        raise UserTokenError("it is not meant for this portal")
    expires = jose.numeric_date(claims.get("exp"))
    if expires is None or expires <= now:
        raise UserTokenError("exp is missing or has passed")
    begins = jose.numeric_date(claims.get("nbf", now))
    if begins is None or begins > now + CLOCK_SKEW_SECONDS:
        raise UserTokenError("nbf has not come yet")
    return claims


def _ask(
    settings: ProviderSettings, method: str, url: str, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The object that the provider answers with, whole and in time."""
    deadline = time.monotonic() + settings.timeout_seconds
    try:
        with httpx.stream(method, url, data=form, timeout=settings.timeout_seconds) as response:
            response.raise_for_status()
            return _object_in(response, deadline)
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        logger.warning("user_provider_away", error=type(error).__name__)
        raise ProviderAwayError from None


def _object_in(response: httpx.Response, deadline: float) -> dict[str, Any]:
    """Raises ValueError when it is something else, too long, or too slow."""
    content = b""
    for part in response.iter_bytes():
        content += part
        if time.monotonic() > deadline or len(content) > MOST_BYTES:
            raise ValueError("the answer does not end")
    answer = json.loads(content)
    if not isinstance(answer, dict):
        raise ValueError("the answer is not an object")  # noqa: TRY004  # not a fault of ours
    return answer
