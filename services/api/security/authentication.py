"""Who calls: takes token and proof from a request, and has them checked."""

import time

from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy.orm import Session

from services.api.http.problems import NoAccessToken, TooManyRequests
from services.api.resources import Resources
from services.api.security.rate_limits import RateLimitStatus
from shared.access.rules import Caller
from shared.core.errors import InvalidAccessToken
from shared.oauth.dpop import Expected
from shared.oauth.jose import ALGORITHMS
from shared.oauth.service import Presented, admit, is_taken_back, still_holds
from shared.oauth.tokens import AccessToken

BEARER_TOKEN, BOUND_TOKEN = "bearerToken", "boundToken"  # names in the OpenAPI document
NONCE_HEADER = "DPoP-Nonce"

SECURITY_SCHEMES = {
    BOUND_TOKEN: {
        "type": "http",
        "description": "An access token that is bound to a key (RFC 9449). Send it with a proof in "
        f"the header `DPoP`, signed with {', '.join(ALGORITHMS)}, with the nonce of the last "
        f"response's `{NONCE_HEADER}`. Each operation lists its scopes; one of them is required.",
        "scheme": "DPoP",
    },
    BEARER_TOKEN: {
        "type": "http",
        "description": "An operator's access token. Each operation lists its scopes; one of them "
        "is required.",
        "scheme": "bearer",
        "bearerFormat": "at+jwt",
    },
}
"""As the OpenAPI document describes what stands in the header `Authorization`."""


def authenticate(request: Request, session: Session) -> Caller:
    """The caller whom the token speaks for.

    Raises:
        NoAccessToken: without a token.
        InvalidAccessToken: with one that is not ours, or not valid any more.
        InvalidProof: with one that is bound to a key, without a proof that holds.
        TooManyRequests: instead of these, when it happens too often from one address.
    """
    try:
        token = _token_of(request, session)
    except (NoAccessToken, InvalidAccessToken):
        rate_limit_unauthenticated(request)
        raise
    request.state.token, request.state.client = token, token.caller.client
    return token.caller


def _token_of(request: Request, session: Session) -> AccessToken:
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    scheme = scheme.lower()
    if not token or scheme not in {"bearer", "dpop"}:
        raise NoAccessToken
    resources: Resources = request.app.state.resources
    if scheme == "dpop":
        hand_out_nonce(request)
    presented = Presented(
        token=token,
        scheme=scheme,
        proofs=proofs_in(request),
        request=expected_of(request, token),
    )
    return admit(session, resources.issuer, presented)


def rate_limit_unauthenticated(request: Request) -> None:
    """Count a request without a valid token, by the address of its client.

    A proxy in front has to forward that address, or all clients behind it share one limit.

    Raises:
        TooManyRequests: over the limit.
    """
    resources: Resources = request.app.state.resources
    address = request.client.host if request.client else ""
    apply_rate_limit(request, resources.rate_limiter.check_address(address))


def apply_rate_limit(request: Request, status: RateLimitStatus) -> None:
    """Add the rate limit to the response headers.

    Raises:
        TooManyRequests: over the limit.
    """
    _add_to_answer(request, status.to_http_headers())
    if status.is_exceeded:
        raise TooManyRequests(status.seconds_left)


def token_holds(session: Session, request: Request) -> bool:
    """Whether the token that let a request in still does; for answers that take long."""
    return still_holds(session, request.state.token)


def require_token_not_taken_back(session: Session, request: Request) -> None:
    """Raises InvalidAccessToken when it was since it let the request in; it may have expired."""
    if is_taken_back(session, request.state.token):
        raise InvalidAccessToken


def hand_out_nonce(request: Request) -> None:
    """Puts the nonce for the next proof into the answer, whatever it will be."""
    resources: Resources = request.app.state.resources
    _add_to_answer(request, {NONCE_HEADER: resources.issuer.nonces.at(time.time())})


def _add_to_answer(request: Request, headers: dict[str, str]) -> None:
    """Beside what is in it already, whatever the answer will be."""
    request.state.answer_headers = getattr(request.state, "answer_headers", {}) | headers


def proofs_in(request: Request) -> tuple[str, ...]:
    return tuple(request.headers.getlist("DPoP"))


def expected_of(request: Request, token: str | None = None) -> Expected:
    """By the address we are known by, never by the host that the request names."""
    resources: Resources = request.app.state.resources
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return Expected(request.method, f"{resources.public_url}{path}", token)
