"""The authorization server: tokens for registered clients, and its metadata."""

from asyncio import Semaphore, timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.api.dependencies import ResourcesDep, UnitDep
from services.api.http.context import context_of
from services.api.operations.forms import OAUTH_PROBLEMS, form_request_body
from services.api.operations.problem_responses import problems
from services.api.resources import Resources
from services.api.schemas.oauth2 import Introspection, KeySet, Metadata, TokenResponse
from services.api.security.client_authentication import (
    ASSERTION_FIELDS,
    TOKEN_PATH,
    AuthenticatingRoute,
    BoundClientDep,
    ClientDep,
    FormDep,
    offer_nonce,
)
from shared.access.rules import Scope
from shared.oauth import repository, service
from shared.oauth.audit_events import record_token
from shared.oauth.errors import OAuthError, invalid_request, provider_unavailable
from shared.oauth.jose import ALGORITHMS
from shared.oauth.service import IssuedToken
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE, exchange

CLIENT_CREDENTIALS = "client_credentials"
TOKEN_TYPE = "DPoP"  # noqa: S105  # the name of a type
PROVIDER_SLOT_TIMEOUT_SECONDS = 2.0
"""The longest time an exchange waits for a slot to call a slow identity provider."""
INTROSPECTION_PATH, REVOCATION_PATH, KEYS_PATH = (
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/.well-known/jwks.json",
)
_TOKEN = form_request_body(
    {"grant_type": f"`{CLIENT_CREDENTIALS}` or `{GRANT_TYPE}`.", **ASSERTION_FIELDS},
    {
        "scope": "Scopes, separated by spaces; all allowed scopes when absent.",
        "subject_token": "In a token exchange: the person's access token of the identity provider.",
        "subject_token_type": f"`{ACCESS_TOKEN}`.",
    },
)
_PUBLIC_PROBLEMS = problems("badRequest", "tooManyRequests", "internalServerError")
_TOKEN_FORM = form_request_body(
    {"token": "An access token of this client.", **ASSERTION_FIELDS}, {}
)


router = APIRouter(tags=["oauth2"], route_class=AuthenticatingRoute)


async def exchange_of(
    form: FormDep, bound: BoundClientDep, resources: ResourcesDep
) -> IssuedToken | None:
    """Exchange the person's token, if the form asks for a token exchange.

    No request waits for the provider with a connection, and few at a time with a thread: a slow
    provider delays sign-on, and no other request.

    Raises:
        OAuthError: `temporarily_unavailable`, also when no slot is free in time.
    """
    if resources.provider is None or form.get("grant_type") != GRANT_TYPE:
        return None
    async with _slot_within_timeout(resources.exchanges):
        return await run_in_threadpool(
            exchange, resources.issuer, resources.provider, bound.client, form, bound.thumbprint
        )


@asynccontextmanager
async def _slot_within_timeout(slots: Semaphore) -> AsyncIterator[None]:
    try:
        async with timeout(PROVIDER_SLOT_TIMEOUT_SECONDS):
            await slots.acquire()
    except TimeoutError:
        raise provider_unavailable() from None
    try:
        yield
    finally:
        slots.release()


ExchangeDep = Annotated[IssuedToken | None, Depends(exchange_of)]


@router.post(
    TOKEN_PATH,
    operation_id="issueToken",
    dependencies=[Depends(offer_nonce)],
    responses=OAUTH_PROBLEMS,
    openapi_extra=_TOKEN,
    response_model_exclude_none=True,
)
def issue_token(
    form: FormDep,
    bound: BoundClientDep,
    exchanged: ExchangeDep,
    resources: ResourcesDep,
    request: Request,
    unit: UnitDep,
) -> TokenResponse:
    """Issue an access token, bound to the key of the proof in the header `DPoP`."""
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise invalid_request("Send a grant_type.")
    if exchanged is None and grant_type != CLIENT_CREDENTIALS:
        raise OAuthError(
            "unsupported_grant_type", f"Send one of {', '.join(grants_of(resources))}."
        )
    issued = exchanged or service.issue_to_client(
        resources.issuer, bound.client, form, bound.thumbprint
    )
    trace_id = context_of(request).trace_id
    record_token(unit, issued.caller, "issueToken", TOKEN_PATH, trace_id)
    return TokenResponse(
        access_token=issued.token,
        token_type=TOKEN_TYPE,
        expires_in=int(issued.lifetime.total_seconds()),
        scope=" ".join(sorted(issued.scopes)),
        issued_token_type=ACCESS_TOKEN if exchanged else None,
    )


@router.post(
    INTROSPECTION_PATH,
    operation_id="introspectToken",
    responses=OAUTH_PROBLEMS,
    openapi_extra=_TOKEN_FORM,
    response_model_exclude_none=True,
)
def introspect_token(
    form: FormDep, client: ClientDep, unit: UnitDep, resources: ResourcesDep
) -> Introspection:
    """Return the state and the claims of a token of the client (RFC 7662)."""
    token = service.find_own_token(unit.session, resources.issuer, client, form)
    if token is None:
        return Introspection(active=False)
    caller, authority = token.caller, resources.issuer.authority
    return Introspection(
        active=True,
        scope=" ".join(sorted(caller.scopes)),
        client_id=caller.client,
        sub=caller.subject or caller.client,
        token_type=TOKEN_TYPE,
        iss=authority.issuer,
        aud=authority.audience,
        iat=int(token.issued_at.timestamp()),
        exp=int(token.expires_at.timestamp()),
        jti=token.id,
        cnf={"jkt": token.thumbprint},
    )


@router.post(
    REVOCATION_PATH,
    operation_id="revokeToken",
    response_class=Response,
    responses=OAUTH_PROBLEMS,
    openapi_extra=_TOKEN_FORM,
)
def revoke_token(
    form: FormDep, client: ClientDep, unit: UnitDep, resources: ResourcesDep, request: Request
) -> Response:
    """Revoke a token of the client (RFC 7009)."""
    token = service.find_own_token(unit.session, resources.issuer, client, form)
    if token is not None:
        unit.end_reading()  # the next transaction acts for the caller of the token
        trace_id = context_of(request).trace_id
        record_token(unit, token.caller, "revokeToken", REVOCATION_PATH, trace_id)
        repository.revoke(unit.session, token)
    return Response()


@router.get(
    "/.well-known/oauth-authorization-server",
    operation_id="getMetadata",
    responses=_PUBLIC_PROBLEMS,
)
def get_metadata(resources: ResourcesDep) -> Metadata:
    """Return the metadata of the authorization server (RFC 8414)."""
    methods, algorithms = ["private_key_jwt"], list(ALGORITHMS)
    return Metadata(
        issuer=resources.issuer.authority.issuer,
        token_endpoint=f"{resources.public_url}{TOKEN_PATH}",
        introspection_endpoint=f"{resources.public_url}{INTROSPECTION_PATH}",
        revocation_endpoint=f"{resources.public_url}{REVOCATION_PATH}",
        jwks_uri=f"{resources.public_url}{KEYS_PATH}",
        response_types_supported=[],
        grant_types_supported=grants_of(resources),
        scopes_supported=sorted(Scope),
        token_endpoint_auth_methods_supported=methods,
        token_endpoint_auth_signing_alg_values_supported=algorithms,
        introspection_endpoint_auth_methods_supported=methods,
        introspection_endpoint_auth_signing_alg_values_supported=algorithms,
        revocation_endpoint_auth_methods_supported=methods,
        revocation_endpoint_auth_signing_alg_values_supported=algorithms,
        dpop_signing_alg_values_supported=algorithms,
    )


def grants_of(resources: Resources) -> list[str]:
    return [CLIENT_CREDENTIALS, *([GRANT_TYPE] if resources.provider else [])]


@router.get(KEYS_PATH, operation_id="getKeys", responses=_PUBLIC_PROBLEMS)
def get_keys(resources: ResourcesDep) -> KeySet:
    """Return the public keys that verify our tokens, current and future (RFC 7517)."""
    return KeySet(**resources.issuer.authority.keys.as_jwk_set())
