"""The authorization server: tokens for registered clients, and its metadata."""

from asyncio import Semaphore, timeout
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.api.dependencies import ResourcesDep, UnitDep
from services.api.http.context import context_of
from services.api.operations.forms import OAUTH_PROBLEMS, form_request_body, read_form
from services.api.operations.operation import CommittingRoute, RouteHandler
from services.api.resources import Resources
from services.api.schemas.oauth2 import Introspection, KeySet, Metadata, TokenResponse
from services.api.security.authentication import (
    expected_request,
    issue_nonce,
    proofs_in,
)
from services.api.security.rate_limits import rate_limit_client
from shared.access.rules import Scope
from shared.core.unit_of_work import UnitOfWork
from shared.oauth import repository, service
from shared.oauth.assertions import ASSERTION_TYPE, claimed_client_id
from shared.oauth.audit_events import record_issued_token, record_refused_client
from shared.oauth.errors import OAuthError, invalid_request, provider_unavailable
from shared.oauth.jose import ALGORITHMS
from shared.oauth.service import AuthenticatedClient, IssuedToken
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE, exchange

CLIENT_CREDENTIALS = "client_credentials"
TOKEN_TYPE = "DPoP"  # noqa: S105  # the name of a type
PROVIDER_SLOT_TIMEOUT_SECONDS = 2.0
"""The longest time an exchange waits for a slot to call a slow identity provider."""
TOKEN_PATH, INTROSPECTION_PATH, REVOCATION_PATH, KEYS_PATH = (
    "/oauth2/token",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/.well-known/jwks.json",
)
ASSERTION_FIELDS = {
    "client_assertion_type": f"`{ASSERTION_TYPE}`.",
    "client_assertion": "A JWT signed with a key of the client (RFC 7523): `iss` and `sub` are "
    "its id, `aud` is the issuer or this URL, `jti` is unique, `exp` at most 10 minutes ahead.",
}
_TOKEN = form_request_body(
    {"grant_type": f"`{CLIENT_CREDENTIALS}` or `{GRANT_TYPE}`.", **ASSERTION_FIELDS},
    {
        "scope": "Scopes, separated by spaces; all allowed scopes when absent.",
        "subject_token": "In a token exchange: the person's access token of the identity provider.",
        "subject_token_type": f"`{ACCESS_TOKEN}`.",
    },
)
_TOKEN_FORM = form_request_body(
    {"token": "An access token of this client.", **ASSERTION_FIELDS}, {}
)


class AuthenticatingRoute(CommittingRoute):
    """A route that records the refusal of a request in the audit log.

    Refusals before the client is looked up are not recorded: anyone can cause any number of them.
    """

    def get_route_handler(self) -> RouteHandler:
        handle = super().get_route_handler()

        async def handle_and_record(request: Request) -> Response:
            try:
                return await handle(request)
            except OAuthError as error:
                if context_of(request).has_claimed_client:
                    await _record_refusal(request, error)
                raise

        return handle_and_record


async def _record_refusal(request: Request, error: OAuthError) -> None:
    resources: Resources = request.app.state.resources
    context = context_of(request)

    def record() -> None:
        with UnitOfWork(resources.sessions) as unit:
            record_refused_client(
                unit,
                context.claimed_client,
                error.error,
                request.scope["route"].operation_id,
                request.url.path,
                context.trace_id,
            )

    async with resources.connection_slots:
        await run_in_threadpool(record)


router = APIRouter(tags=["oauth2"], route_class=AuthenticatingRoute)

FormDep = Annotated[Mapping[str, str], Depends(read_form)]


@dataclass(frozen=True, slots=True)
class BoundClient:
    """An authenticated client, and the key that a new token is bound to, if there is one."""

    client: AuthenticatedClient
    thumbprint: str | None


async def offer_nonce(request: Request, resources: ResourcesDep) -> None:
    """Add the nonce for the next proof to the response, if the request has a proof."""
    if proofs_in(request):
        issue_nonce(request, resources)


async def client_of(
    request: Request, resources: ResourcesDep, form: FormDep
) -> AuthenticatedClient:
    """Authenticate the client by the assertion in the form, in a connection slot of its own."""
    async with resources.connection_slots:
        return (await run_in_threadpool(_authenticate, request, resources, form, ())).client


async def bound_client_of(request: Request, resources: ResourcesDep, form: FormDep) -> BoundClient:
    """Authenticate the client, and verify the proof of the key that a new token is bound to."""
    async with resources.connection_slots:
        return await run_in_threadpool(_authenticate, request, resources, form, proofs_in(request))


def _authenticate(
    request: Request, resources: Resources, form: Mapping[str, str], proofs: tuple[str, ...]
) -> BoundClient:
    """Identify and count the client, verify its proof, and then use up assertion and proof.

    A client that is not registered writes no row. A proof without its nonce does not use up the
    assertion, so that the client can send both again.

    Raises:
        OAuthError: when the client or its proof is not valid.
        TooManyRequests: over the limit of the client.
    """
    issuer, context = resources.issuer, context_of(request)
    addresses = {f"{resources.public_url}{path}" for path in (TOKEN_PATH, request.url.path)}
    audiences = frozenset({issuer.authority.issuer} | addresses)
    context.is_authenticated = False
    context.has_claimed_client = True
    context.claimed_client = claimed_client_id(form.get("client_assertion", ""))
    identified = service.identify_client(issuer, form, audiences)
    context.is_authenticated = True
    rate_limit_client(request, resources, str(identified.client.id))
    proof = service.verify_binding(issuer, proofs, expected_request(request, resources))
    service.use_assertion(issuer, identified.assertion)
    if proof is not None:
        service.use_binding(issuer, proof)
    return BoundClient(identified.client, proof.thumbprint if proof else None)


ClientDep = Annotated[AuthenticatedClient, Depends(client_of)]
BoundClientDep = Annotated[BoundClient, Depends(bound_client_of)]


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
    record_issued_token(unit, issued.caller, "issueToken", TOKEN_PATH, trace_id)
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
    form: FormDep, client: ClientDep, unit: UnitDep, resources: ResourcesDep
) -> Response:
    """Revoke a token of the client (RFC 7009)."""
    token = service.find_own_token(unit.session, resources.issuer, client, form)
    if token is not None:
        repository.revoke(unit.session, token)
    return Response()


@router.get("/.well-known/oauth-authorization-server", operation_id="getMetadata")
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


@router.get(KEYS_PATH, operation_id="getKeys")
def get_keys(resources: ResourcesDep) -> KeySet:
    """Return the public keys that verify our tokens, current and future (RFC 7517)."""
    return KeySet(**resources.issuer.authority.keys.as_jwk_set())
