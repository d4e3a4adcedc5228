"""Use cases of clients: register one, change or suspend it, and give it keys or take them away."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.rules import Scope
from shared.audit.service import Actor, Decision, record
from shared.core.errors import Conflict, InvalidInput, ResourceNotFound
from shared.oauth import jose
from shared.oauth.clients import repository
from shared.oauth.clients.models import Client, ClientKey
from shared.oauth.clients.rules import (
    ClientKind,
    ClientState,
    allowed_scopes,
    registered_id,
)
from shared.oauth.jose import SignatureError

MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class NewClient:
    """What a client is registered as; without scopes it gets all that its kind can have."""

    name: str
    kind: ClientKind
    scopes: frozenset[Scope] = frozenset()
    keys: Sequence[Mapping[str, Any]] = field(default=())


@dataclass(frozen=True, slots=True)
class ClientView:
    client: Client
    keys: Sequence[ClientKey]


def list_clients(session: Session, offset: int, limit: int) -> tuple[int, list[ClientView]]:
    total, clients = repository.page_of_clients(session, offset, limit)
    keys = defaultdict(list)
    for key in repository.keys_of(session, [client.id for client in clients]):
        keys[key.client_id].append(key)
    return total, [ClientView(client, keys[client.id]) for client in clients]


def read_client(session: Session, client_id: UUID) -> ClientView:
    """Raises ResourceNotFound when there is no such client."""
    client = repository.find_client(session, client_id)
    if client is None:
        raise ResourceNotFound
    return ClientView(client, repository.keys_of(session, [client_id]))


def is_integrator(session: Session, client: str) -> bool:
    """Whether an integrator is registered under this id, and not suspended."""
    found = _registered(session, client)
    return found is not None and (found.kind, found.state) == (
        ClientKind.INTEGRATOR,
        ClientState.ACTIVE,
    )


def may_use(session: Session, client: str, scope: Scope) -> bool:
    """Whether a client that held the scope may use it now; one of the command line always may."""
    found = _registered(session, client)
    return found is None or (found.state == ClientState.ACTIVE and scope in found.scopes)


def _registered(session: Session, client: str) -> Client | None:
    client_id = registered_id(client)
    return None if client_id is None else repository.find_client(session, client_id)


def register(session: Session, actor: Actor, new: NewClient) -> ClientView:
    """A client that may ask for tokens from now on, with the keys it was given.

    Raises:
        InvalidInput: when it cannot have a scope or a key.
        Conflict: when the name or a key is taken.
    """
    _require_allowed(new.kind, new.scopes)
    scopes = sorted(new.scopes or allowed_scopes(new.kind))
    client = repository.add_client(
        session, {"name": new.name, "kind": new.kind.value, "scopes": scopes}
    )
    if client is None:
        raise _name_taken()
    for number, jwk in enumerate(new.keys):
        _add_key(session, client, jwk, "keys", number)
    _record(session, actor, "createClient", client.id)
    return read_client(session, client.id)


def change(
    session: Session, actor: Actor, client_id: UUID, changes: Mapping[str, Any]
) -> ClientView:
    """Changes `name`, `scopes` or `state`; what is suspended is refused from this commit on.

    Raises:
        ResourceNotFound: when there is no such client.
        InvalidInput: when its kind cannot have a scope.
        Conflict: when the name is taken.
    """
    client = _for_change(session, client_id)
    if "scopes" in changes:
        _require_allowed(ClientKind(client.kind), changes["scopes"])
    new_name = changes.get("name", client.name)
    if new_name != client.name and repository.has_name(session, new_name):
        raise _name_taken()
    for name, value in changes.items():
        setattr(client, name, sorted(value) if name == "scopes" else value)
    session.flush()
    _record(session, actor, "changeClient", client_id)
    return read_client(session, client_id)


def add_key(session: Session, actor: Actor, client_id: UUID, jwk: Mapping[str, Any]) -> ClientView:
    """Register a further key.

    Raises:
        ResourceNotFound: when there is no such client.
        InvalidInput: when the key cannot be used.
        Conflict: when a client has the key, or this client has too many.
    """
    _add_key(session, _for_change(session, client_id), jwk)
    _record(session, actor, "addClientKey", client_id)
    return read_client(session, client_id)


def remove_key(session: Session, actor: Actor, client_id: UUID, thumbprint: str) -> None:
    """Raises ResourceNotFound when there is no such client, or it has no such key."""
    _for_change(session, client_id)
    if not repository.remove_key(session, client_id, thumbprint):
        raise ResourceNotFound
    _record(session, actor, "removeClientKey", client_id)


def _for_change(session: Session, client_id: UUID) -> Client:
    client = repository.find_client(session, client_id, for_change=True)
    if client is None:
        raise ResourceNotFound
    return client


def _add_key(session: Session, client: Client, jwk: Mapping[str, Any], *field: str | int) -> None:
    try:
        key = jose.public_key(jwk)
    except SignatureError as error:
        raise InvalidInput(*field, detail=f"The key cannot be used: {error}.") from None
    if len(repository.keys_of(session, [client.id])) >= MOST_KEYS:
        raise Conflict(
            "tooManyKeys",
            f"A client has at most {MOST_KEYS} keys; remove one that it no longer uses.",
        )
    thumbprint = key.thumbprint()
    if not repository.add_key(session, client.id, thumbprint, key.as_dict(private=False)):
        raise Conflict(
            "clientKeyExists",
            "This key is already registered, for this client or another; generate a new one.",
        )


def _require_allowed(kind: ClientKind, scopes: frozenset[Scope]) -> None:
    excess = scopes - allowed_scopes(kind)
    if excess:
        raise InvalidInput(
            "scopes", detail=f"A client of kind {kind} cannot have {', '.join(sorted(excess))}."
        )


def _name_taken() -> Conflict:
    return Conflict("clientExists", "There is a client with this name; choose another.")


def _record(session: Session, actor: Actor, action: str, client_id: UUID) -> None:
    record(session, actor, Decision(action, f"/v1/clients/{client_id}", None, "allowed", "granted"))
