"""Token exchange (RFC 8693): a portal exchanges a person's token for one of this service."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.access.rules import Caller, CallerKind
from shared.oauth import jose, repository
from shared.oauth.clients.rules import ClientKind
from shared.oauth.errors import OAuthError, invalid_request, provider_unavailable
from shared.oauth.identity_provider import Provider, UserTokenError
from shared.oauth.person_claims import NoRoleError, Person, PersonError, person_of
from shared.oauth.provider_requests import ProviderUnavailableError
from shared.oauth.service import (
    AuthenticatedClient,
    IssuedToken,
    Issuer,
    issue,
    requested_scopes,
)

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type
MAX_EXCHANGED_LIFETIME = timedelta(minutes=5)
MAX_SUBJECT_TOKEN_AGE = timedelta(days=1)
"""An older token of the provider is refused, and a sign-on is kept as long: no earlier token gives
a role back. One without `iat` counts as the earliest."""


def exchange(
    issuer: Issuer,
    provider: Provider,
    client: AuthenticatedClient,
    form: Mapping[str, str],
    thumbprint: str | None,
) -> IssuedToken:
    """Issue a token for the person of the subject token.

    It expires with the subject token, and after five minutes at the latest. Each sign-on limits the
    earlier tokens of the person at the school to its roles; those of the provider too. A viewing
    officer acts for no school.

    Raises:
        OAuthError: when the client or the person cannot have a token, without a DPoP proof, or
            while the identity provider is unavailable.
    """
    if client.kind != ClientKind.PORTAL:
        raise OAuthError("unauthorized_client", "Only a portal can use token exchange.")
    _require_supported(form, issuer.authority.audience)
    try:
        claims = provider.verify_token(form["subject_token"])
        person = _signed_on(issuer, claims, provider)
    except ProviderUnavailableError:
        raise provider_unavailable() from None
    except (UserTokenError, PersonError) as error:
        raise invalid_request(f"The subject_token cannot be used: {error}.") from None
    allowed = person.scopes & client.scopes
    scopes = requested_scopes(form, allowed)
    kind = CallerKind.OFFICER if person.school_id is None else CallerKind.SCHOOL
    caller = Caller(str(client.id), kind, scopes, person.school_id, person.subject)
    remaining = timedelta(seconds=max(1, int(claims["exp"] - time.time())))
    lifetime = min(remaining, MAX_EXCHANGED_LIFETIME)
    return issue(issuer, caller, lifetime, thumbprint, client.key)


def _signed_on(issuer: Issuer, claims: Mapping[str, Any], provider: Provider) -> Person:
    """Return the person of the claims with the scopes that later sign-ons leave, and record them.

    A person without a role is recorded too.
    """
    issued_at, kept_for = _issued_at(claims), MAX_SUBJECT_TOKEN_AGE
    try:
        person = person_of(claims, provider.settings.claims)
    except NoRoleError as error:
        repository.record_sign_on(issuer.engine, error.person, issued_at, kept_for)
        raise
    scopes = repository.record_sign_on(issuer.engine, person, issued_at, kept_for)
    return replace(person, scopes=scopes)


def _issued_at(claims: Mapping[str, Any]) -> datetime:
    """Return `iat`, not in the future; raise UserTokenError for a token that is too old."""
    now, seconds = time.time(), jose.numeric_date(claims.get("iat"))
    if seconds is not None and seconds < now - MAX_SUBJECT_TOKEN_AGE.total_seconds():
        raise UserTokenError("iat is more than a day ago; sign on again")
    return datetime.fromtimestamp(min(seconds or 0, now), UTC)


def _require_supported(form: Mapping[str, str], audience: str) -> None:
    """Raise OAuthError for parameters of RFC 8693 that this service does not support."""
    if "subject_token" not in form or form.get("subject_token_type") != ACCESS_TOKEN:
        raise invalid_request(f"Send a subject_token with the subject_token_type {ACCESS_TOKEN}.")
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise invalid_request(f"Only tokens of type {ACCESS_TOKEN} are issued.")
    if "actor_token" in form:
        raise invalid_request("Send no actor_token: the client itself is the actor.")
    if "resource" in form or form.get("audience", audience) != audience:
        raise OAuthError("invalid_target", "Tokens are issued for this service only.")
