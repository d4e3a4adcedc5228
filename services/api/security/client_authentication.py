"""Authentication of clients at the authorization server, by private_key_jwt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from services.api.dependencies import ResourcesDep, operation_of
from services.api.http.context import context_of
from services.api.http.head import RouteHandler
from services.api.http.threads import run_in_thread
from services.api.operations.forms import read_form
from services.api.operations.operation import CommittingRoute
from services.api.resources import Resources
from services.api.security.authentication import expected_request, issue_nonce, proofs_in
from services.api.security.rate_limits import rate_limit_client
from shared.core.unit_of_work import UnitOfWork
from shared.oauth import service
from shared.oauth.assertions import ASSERTION_TYPE, claimed_client_id
from shared.oauth.audit_events import record_refused_client
from shared.oauth.errors import OAuthError
from shared.oauth.service import AuthenticatedClient

TOKEN_PATH = "/oauth2/token"  # noqa: S105  # a path
ASSERTION_FIELDS = {
    "client_assertion_type": f"`{ASSERTION_TYPE}`.",
    "client_assertion": "A JWT signed with a key of the client (RFC 7523): `iss` and `sub` are "
    "its id, `aud` is the issuer as a single string, `jti` is unique, `exp` at most 10 minutes "
    "ahead.",
}


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

    async with resources.connection_slots.take(operation_of(request)):
        await run_in_thread(record)


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
    resources.connection_slots.require_room(operation_of(request))
    async with resources.connection_slots.take(operation_of(request)):
        return (await run_in_thread(_authenticate, request, resources, form, ())).client


async def bound_client_of(request: Request, resources: ResourcesDep, form: FormDep) -> BoundClient:
    """Authenticate the client, and verify the proof of the key that a new token is bound to."""
    resources.connection_slots.require_room(operation_of(request))
    async with resources.connection_slots.take(operation_of(request)):
        return await run_in_thread(_authenticate, request, resources, form, proofs_in(request))


def _authenticate(
    request: Request, resources: Resources, form: Mapping[str, str], proofs: tuple[str, ...]
) -> BoundClient:
    """Authenticate and count the client, verify its proof, and use the proof up.

    The assertion is used up first: a client whose proof lacks the nonce signs both again.

    Raises:
        OAuthError: when the client or its proof is not valid.
        TooManyRequests: over the limit of the client.
    """
    issuer, context = resources.issuer, context_of(request)
    context.is_authenticated = False
    context.has_claimed_client = True
    context.claimed_client = claimed_client_id(form.get("client_assertion", ""))
    client = service.authenticate_client(issuer, form)
    context.is_authenticated, context.authenticated_client = True, client.id
    rate_limit_client(request, resources, str(client.id))
    proof = service.verify_binding(issuer, proofs, expected_request(request, resources))
    if proof is not None:
        service.use_binding(issuer, proof)
    return BoundClient(client, proof.thumbprint if proof else None)


ClientDep = Annotated[AuthenticatedClient, Depends(client_of)]
BoundClientDep = Annotated[BoundClient, Depends(bound_client_of)]
