"""Use cases of clients: register, change and suspend them, add and remove keys."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.access.rules import Caller, Scope
from shared.core.collation import sort_key
from shared.core.errors import Conflict, InvalidInput, ResourceNotFound
from shared.core.names import require_name, skeleton
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.oauth import jose
from shared.oauth.clients import repository
from shared.oauth.clients.models import Client, ClientKey
from shared.oauth.clients.rules import (
    ClientKind,
    ClientState,
    allowed_scopes,
    registered_id,
)
from shared.oauth.jose import PublicKey, SignatureError

MAX_KEYS = 10


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client to be registered, with the scopes that it needs.

    `person_id` is the person behind the client of an operator, `registered_by` the one who
    registers the client of others.
    """

    name: str
    kind: ClientKind
    scopes: frozenset[Scope]
    keys: Sequence[Mapping[str, Any]] = field(default=())
    person_id: UUID | None = None
    registered_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client with its keys."""

    client: Client
    keys: Sequence[ClientKey]


def list_clients(session: Session, selection: PageSelection) -> Page[ClientView]:
    """Return a page of the clients by name."""
    page = repository.page_of_clients(session, selection)
    keys = defaultdict(list)
    for key in repository.keys_of(session, [client.id for client in page.rows]):
        keys[key.client_id].append(key)
    return page.map(lambda client: ClientView(client, keys[client.id]))


def read_client(session: Session, client_id: UUID) -> ClientView:
    """Return a client with its keys; raise ResourceNotFound when there is none."""
    client = repository.find_client(session, client_id)
    if client is None:
        raise ResourceNotFound
    return ClientView(client, repository.keys_of(session, [client_id]))


def is_integrator(session: Session, client: str) -> bool:
    """Return True when an integrator is registered with this id and is not suspended."""
    registered = find_registered(session, client)
    return registered is not None and (registered.kind, registered.state) == (
        ClientKind.INTEGRATOR,
        ClientState.ACTIVE,
    )


def find_registered(session: Session, client: str) -> Client | None:
    """Return the client that a caller names, if it is registered."""
    client_id = registered_id(client)
    return None if client_id is None else repository.find_client(session, client_id)


def names_of(session: Session, clients: Iterable[str]) -> dict[str, str]:
    """Return the names of those clients of callers that are registered."""
    ids = {registered_id(client) for client in clients} - {None}
    names = repository.find_names(session, (one for one in ids if one))
    return {str(client_id): name for client_id, name in names.items()}


def person_behind(session: Session, caller: Caller) -> UUID | None:
    """Return the person that the caller's client belongs to, if it is that of a person."""
    client = find_registered(session, caller.client)
    return client.person_id if client else None


def register(unit: UnitOfWork, access: AccessRequest, new: NewClient) -> ClientView:
    """Register a client with its keys; it may request tokens immediately.

    Raises:
        InvalidInput: when the name has other than Latin letters, a scope is not for its kind, or a
            key cannot be used.
        Conflict: when the name, one that looks like it, or a key is taken.
    """
    _require_new_name(unit.session, new.name)
    require_allowed(new.kind, new.scopes)
    values = {
        "name": new.name,
        "kind": new.kind.value,
        "scopes": sorted(new.scopes),
        "person_id": new.person_id,
        "registered_by": new.registered_by,
    }
    client = repository.add_client(unit.session, values)
    if client is None:
        raise _name_taken()
    for number, jwk in enumerate(new.keys):
        _add_key(unit.session, client, jwk, "keys", number)
    _record(unit, access, "createClient", client.id)
    return read_client(unit.session, client.id)


def change(
    unit: UnitOfWork, access: AccessRequest, client_id: UUID, changes: Mapping[str, Any]
) -> ClientView:
    """Change `name`, `scopes` or `state`; a suspended client is rejected after the commit.

    Raises:
        ResourceNotFound: when there is no such client.
        InvalidInput: when a scope is not for its kind, or the name has other than Latin letters.
        Conflict: when the name or one that looks like it is taken.
    """
    client = _lock_client(unit.session, client_id)
    if "scopes" in changes:
        require_allowed(ClientKind(client.kind), changes["scopes"])
    if changes.get("name", client.name) != client.name:
        _require_new_name(unit.session, changes["name"], client_id)
    for name, value in changes.items():
        setattr(client, name, sorted(value) if name == "scopes" else value)
    client.sort_key = sort_key(client.name)
    unit.session.flush()
    _record(unit, access, "changeClient", client_id)
    return read_client(unit.session, client_id)


def add_key(
    unit: UnitOfWork, access: AccessRequest, client_id: UUID, jwk: Mapping[str, Any]
) -> ClientView:
    """Add a public key to a client.

    Raises:
        ResourceNotFound: when there is no such client.
        InvalidInput: when the key is not accepted.
        Conflict: when a client has it already, or this client has too many.
    """
    _add_key(unit.session, _lock_client(unit.session, client_id), jwk)
    _record(unit, access, "addClientKey", client_id)
    return read_client(unit.session, client_id)


def remove_key(unit: UnitOfWork, access: AccessRequest, client_id: UUID, thumbprint: str) -> None:
    """Remove a key; raise ResourceNotFound when there is no such client or key."""
    _lock_client(unit.session, client_id)
    if not repository.remove_key(unit.session, client_id, thumbprint):
        raise ResourceNotFound
    _record(unit, access, "removeClientKey", client_id)


def _lock_client(session: Session, client_id: UUID) -> Client:
    client = repository.find_client(session, client_id, for_update=True)
    if client is None:
        raise ResourceNotFound
    return client


def _add_key(session: Session, client: Client, jwk: Mapping[str, Any], *field: str | int) -> None:
    key = require_usable(jwk, *field)
    if len(repository.keys_of(session, [client.id])) >= MAX_KEYS:
        raise Conflict(
            "tooManyKeys",
            f"A client has at most {MAX_KEYS} keys; remove one that it no longer uses.",
        )
    thumbprint = key.thumbprint()
    if not repository.add_key(session, client.id, thumbprint, key.as_dict(private=False)):
        raise Conflict(
            "clientKeyExists",
            "This key is already registered, for this client or another; generate a new one.",
        )


def require_usable(jwk: Mapping[str, Any], *field: str | int) -> PublicKey:
    """Return the public key of a JWK; raise InvalidInput for `field` when it is not accepted."""
    try:
        return jose.public_key(jwk)
    except SignatureError as error:
        raise InvalidInput(*field, detail=f"The key cannot be used: {error}.") from None


def require_allowed(kind: ClientKind, scopes: frozenset[Scope]) -> None:
    """Raise InvalidInput when a client of this kind cannot have one of the scopes."""
    excess = scopes - allowed_scopes(kind)
    if excess:
        raise InvalidInput(
            "scopes", detail=f"A client of kind {kind} cannot have {', '.join(sorted(excess))}."
        )


def _require_new_name(session: Session, name: str, client_id: UUID | None = None) -> None:
    require_name("name", name)
    if skeleton(name) in map(skeleton, repository.names_of_others(session, client_id)):
        raise _name_taken()


def _name_taken() -> Conflict:
    return Conflict(
        "clientExists",
        "A client has or had this name or one that looks like it; choose another.",
    )


def _record(unit: UnitOfWork, access: AccessRequest, action: str, client_id: UUID) -> None:
    record_change(unit, access, action, f"/v1/clients/{client_id}")
