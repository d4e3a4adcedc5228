"""Operations on clients: the programs that may request tokens."""

from typing import Annotated

from fastapi import Path, Response

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import ClientPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.clients import (
    ClientPatch,
    NewClientBody,
    RegisteredClient,
    RegisteredClientPage,
)
from services.api.security.permissions import ClientsWriter
from shared.client_changes import application
from shared.oauth.clients import service

router = operations("clients")

_LOCATION = headers("Location")
_EXISTING = ("approvalRequired", "clientExists", "clientKeyExists", "tooManyKeys")

KeyPath = Annotated[
    str,
    Path(alias="keyId", pattern=r"^[A-Za-z0-9_-]{43}$", description="Thumbprint of the key."),
]


@router.get("/clients")
def list_clients(
    _: ClientsWriter, unit: UnitDep, page: PageDep, links: LinksDep
) -> RegisteredClientPage:
    """List the registered clients, by name."""
    found = service.list_clients(unit.session, page.selection)
    items = [RegisteredClient.of(view, links) for view in found.rows]
    return RegisteredClientPage(items=items, **page.metadata(found))


@router.get("/clients/{clientId}")
def get_client(
    client_id: ClientPath, _: ClientsWriter, unit: UnitDep, links: LinksDep
) -> RegisteredClient:
    """Return one client."""
    return RegisteredClient.of(service.read_client(unit.session, client_id), links)


@router.post(
    "/clients",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems(*_EXISTING)},
)
def create_client(
    new: NewClientBody,
    access: ClientsWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
    response: Response,
) -> RegisteredClient:
    """Register an integrator or a portal with its public keys."""
    view = application.register_client(unit, access, new.new_client())
    created = RegisteredClient.of(view, links)
    response.headers["Location"] = created.href
    return created


@router.patch("/clients/{clientId}", responses=problems("approvalRequired", "clientExists"))
def change_client(
    client_id: ClientPath,
    change: ClientPatch,
    access: ClientsWriter,
    unit: UnitDep,
    links: LinksDep,
) -> RegisteredClient:
    """Rename a client, suspend it or take scopes from it.

    A suspended client and its tokens are refused at once. A change that lets a client do more is
    requested as a client change.
    """
    view = application.change_client(unit, access, client_id, change.changes())
    return RegisteredClient.of(view, links)


@router.delete("/clients/{clientId}/keys/{keyId}", status_code=204)
def remove_client_key(
    client_id: ClientPath, key_id: KeyPath, access: ClientsWriter, unit: UnitDep
) -> None:
    """Remove a public key; the tokens that were requested with it end."""
    application.remove_key(unit, access, client_id, key_id)
