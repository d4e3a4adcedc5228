"""Keys that a client changes itself, by proof of possession of its keys."""

from collections.abc import Mapping
from typing import Any

from shared.access.decisions import act_for
from shared.access.requests import AccessRequest
from shared.access.rules import Caller, CallerKind, Reach
from shared.client_changes.application import record_with_schools
from shared.core.constant_time import is_equal
from shared.core.errors import Conflict, InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients import service as clients
from shared.oauth.clients.repository import find_client, keys_of
from shared.oauth.clients.rules import ClientKind
from shared.oauth.errors import OAuthError, invalid_request
from shared.oauth.service import AuthenticatedClient


def add_own_key(
    unit: UnitOfWork,
    client: AuthenticatedClient,
    jwk: Mapping[str, Any],
    thumbprint: str | None,
    trace_id: str,
) -> None:
    """Add a key to an authenticated client that has proven its possession.

    A key that the client has already changes nothing, so that a request can be repeated.

    `jwk` comes from a signed assertion of the client; `thumbprint` is that of the key with which
    the DPoP proof was signed.

    Raises:
        OAuthError: for a client of an operator, without a proof by the new key, and when the key is
            not accepted.
    """
    access = _access_of(unit, client, "addOwnKey", trace_id)
    try:
        if not is_equal(thumbprint, clients.require_usable(jwk).thumbprint()):
            raise OAuthError(
                "invalid_dpop_proof", "Sign the DPoP proof with the key in cnf of the assertion."
            )
        find_client(unit.session, client.id, for_update=True)
        if thumbprint in _thumbprints(unit, client):
            return
        clients.add_key(unit, access, client.id, jwk)
    except (InvalidInput, Conflict) as error:
        raise invalid_request(error.detail) from None
    record_with_schools(unit, access, "addClientKey", client.id, is_own_chain=False)


def remove_own_key(
    unit: UnitOfWork, client: AuthenticatedClient, thumbprint: str, trace_id: str
) -> None:
    """Remove a key from an authenticated client, which keeps at least one.

    Raises:
        OAuthError: for a client of an operator, for an unknown key, and for the last one.
    """
    access = _access_of(unit, client, "removeOwnKey", trace_id)
    find_client(unit.session, client.id, for_update=True)
    thumbprints = _thumbprints(unit, client)
    if thumbprint not in thumbprints:
        raise invalid_request("The client has no key with this key_id.")
    if len(thumbprints) == 1:
        raise invalid_request("A client keeps one key; add the next one first.")
    clients.remove_key(unit, access, client.id, thumbprint)
    record_with_schools(unit, access, "removeClientKey", client.id, is_own_chain=False)


def _thumbprints(unit: UnitOfWork, client: AuthenticatedClient) -> set[str]:
    return {key.thumbprint for key in keys_of(unit.session, [client.id])}


def _access_of(
    unit: UnitOfWork, client: AuthenticatedClient, action: str, trace_id: str
) -> AccessRequest:
    """Return the access request of a client for itself; the unit acts for it from here on.

    A portal has no school here, and so it acts as an integrator does.
    """
    if client.kind == ClientKind.OPERATOR:
        raise OAuthError(
            "unauthorized_client",
            "Two other persons have to agree to a key of an operator: request a client change.",
        )
    caller = Caller(str(client.id), CallerKind.INTEGRATOR, frozenset())
    act_for(unit, caller)
    resource = f"/v1/clients/{client.id}"
    return AccessRequest(caller, action, resource, trace_id, Reach(frozenset()))
