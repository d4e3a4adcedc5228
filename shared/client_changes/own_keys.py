"""Keys that a client changes itself, by proof of possession of its keys."""

from collections.abc import Mapping
from typing import Any

from shared.audit.repository import NewAuditEvent
from shared.audit.service import record
from shared.core.errors import Conflict, InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.repository import mandated_schools
from shared.oauth.clients import service as clients
from shared.oauth.clients.models import Client
from shared.oauth.clients.repository import keys_of
from shared.oauth.clients.rules import CALLER_KIND, ClientKind
from shared.oauth.errors import OAuthError, invalid_request


def add_own_key(
    unit: UnitOfWork, client: Client, jwk: Mapping[str, Any], thumbprint: str | None, trace_id: str
) -> None:
    """Add a key to an authenticated client that has proven its possession.

    `jwk` comes from a signed assertion of the client; `thumbprint` is that of the key with which
    the DPoP proof was signed.

    Raises:
        OAuthError: for a client of an operator, without a proof by the new key, and when the key is
            not accepted.
    """
    _require_not_operator(client)
    try:
        if clients.require_usable(jwk).thumbprint() != thumbprint:
            raise OAuthError(
                "invalid_dpop_proof", "Sign the DPoP proof with the key in cnf of the assertion."
            )
        clients.add_key_to(unit.session, client.id, jwk)
    except (InvalidInput, Conflict) as error:
        raise invalid_request(error.detail) from None
    _record(unit, client, "addClientKey", trace_id)


def remove_own_key(unit: UnitOfWork, client: Client, thumbprint: str, trace_id: str) -> None:
    """Remove a key from an authenticated client, which keeps at least one.

    Raises:
        OAuthError: for a client of an operator, for an unknown key, and for the last one.
    """
    _require_not_operator(client)
    thumbprints = {key.thumbprint for key in keys_of(unit.session, [client.id])}
    if thumbprint not in thumbprints:
        raise invalid_request("The client has no key with this key_id.")
    if len(thumbprints) == 1:
        raise invalid_request("A client keeps one key; add the next one first.")
    clients.remove_key_from(unit.session, client.id, thumbprint)
    _record(unit, client, "removeClientKey", trace_id)


def _require_not_operator(client: Client) -> None:
    if client.kind == ClientKind.OPERATOR:
        raise OAuthError(
            "unauthorized_client",
            "Two other persons have to agree to a key of an operator: request a client change.",
        )


def _record(unit: UnitOfWork, client: Client, action: str, trace_id: str) -> None:
    """Record the change, also for each school with a mandate for the client now."""
    schools = mandated_schools(unit.session, str(client.id), None, None)
    for school_id in (None, *schools):
        event = NewAuditEvent(
            client=str(client.id),
            caller_kind=CALLER_KIND[ClientKind(client.kind)].value,
            caller_organisation=None,
            caller_subject=None,
            organisation=school_id,
            purpose=schools.get(school_id or ""),
            action=action,
            resource=f"/v1/clients/{client.id}",
            outcome="allowed",
            rule="granted",
            trace_id=trace_id,
        )
        record(unit, event)
