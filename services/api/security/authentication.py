"""Authentication: take the access token and DPoP proofs from a request, and validate them."""

import time

from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param

from services.api.http.context import context_of
from services.api.http.links import path_of
from services.api.http.problems import NoAccessToken
from services.api.resources import Resources
from shared.access.rules import Caller, Scope
from shared.core.errors import InvalidAccessToken
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.dpop import ExpectedRequest, NonceMissingError
from shared.oauth.errors import InvalidProof
from shared.oauth.jose import ALGORITHMS
from shared.oauth.service import (
    PresentedToken,
    VerifiedToken,
    current_scopes,
    validate_token,
    verify_token,
)

BOUND_TOKEN = "boundToken"  # noqa: S105  # its name in the OpenAPI document
NONCE_HEADER = "DPoP-Nonce"

SECURITY_SCHEMES = {
    BOUND_TOKEN: {
        "type": "http",
        "description": "An access token that is bound to a key (RFC 9449). It is sent with a proof "
        f"in the header `DPoP`, signed with {', '.join(ALGORITHMS)}, with the nonce of the last "
        f"response's `{NONCE_HEADER}`. Each operation lists scopes; the token needs one of them.",
        "scheme": "DPoP",
    },
}
"""The OpenAPI description of the header `Authorization`."""


def authenticate(request: Request, unit: UnitOfWork, resources: Resources) -> Caller:
    """Return the caller of the access token, and set it for row-level security in the unit.

    Raises:
        NoAccessToken: without a token.
        InvalidAccessToken: when the token is not valid, or not any more.
        InvalidProof: when the token is bound to a key and the proof is not valid.
    """
    context = context_of(request)
    verified = context.verified or verify_credential(request, resources)
    context.is_authenticated = False
    context.token = validate_token(unit, verified)
    context.is_authenticated = True
    return context.token.caller


def verify_credential(request: Request, resources: Resources) -> VerifiedToken:
    """Verify the request's access token and proof as far as that needs no database.

    Raises:
        NoAccessToken: without a token.
        InvalidAccessToken: when the token is not valid.
        InvalidProof: when the token is bound to a key and the proof is not valid.
    """
    context = context_of(request)
    context.is_authenticated = False
    try:
        verified = verify_token(resources.issuer, _presented_token(request, resources))
    except InvalidProof as error:
        context.lacks_nonce = error.error == NonceMissingError.code
        raise
    context.is_authenticated, context.verified = None, verified
    return verified


def _presented_token(request: Request, resources: Resources) -> PresentedToken:
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    scheme = scheme.lower()
    if not token or scheme not in {"bearer", "dpop"}:
        raise NoAccessToken
    issue_nonce(request, resources)
    if scheme == "bearer":
        raise InvalidProof("send the token with the scheme DPoP")
    return PresentedToken(
        token=token,
        proofs=proofs_in(request),
        request=expected_request(request, resources, token),
    )


def token_is_active(unit: UnitOfWork, request: Request, scope: Scope) -> bool:
    """Return True when the token of an authorized request still has the scope.

    For long responses: False as well after the token has expired.
    """
    token = context_of(request).require_token()
    return not token.has_expired() and scope in current_scopes(unit.session, token)


def require_scope_left(unit: UnitOfWork, request: Request, scope: Scope) -> None:
    """Raise InvalidAccessToken when the token lost the scope since; it may have expired."""
    if scope not in current_scopes(unit.session, context_of(request).require_token()):
        raise InvalidAccessToken


def issue_nonce(request: Request, resources: Resources) -> None:
    """Add the nonce for the next proof to the response, whatever it will be."""
    nonce = resources.issuer.nonces.at(time.time())
    context_of(request).response_headers[NONCE_HEADER] = nonce


def proofs_in(request: Request) -> tuple[str, ...]:
    return tuple(request.headers.getlist("DPoP"))


def expected_request(
    request: Request, resources: Resources, token: str | None = None
) -> ExpectedRequest:
    """Return the request that a proof has to match, at our public address, regardless of `Host`."""
    url = f"{resources.public_url}{path_of(request.scope)}"
    return ExpectedRequest(context_of(request).method, url, token)
