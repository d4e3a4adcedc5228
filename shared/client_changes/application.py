"""The changes themselves: what is written once enough persons agree, or at once by one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.access.rules import Scope
from shared.client_changes import repository
from shared.client_changes.models import ClientChange
from shared.client_changes.rules import (
    FIRST_PERSONS,
    ChangeKind,
    require_other_client,
    scopes_after,
)
from shared.core.errors import Conflict, ResourceNotFound
from shared.core.names import require_name, skeleton
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.repository import mandated_schools
from shared.oauth.clients import service as clients
from shared.oauth.clients.repository import find_client
from shared.oauth.clients.rules import ClientKind, ClientState, allowed_scopes
from shared.oauth.clients.service import ClientView, NewClient


def run_change(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    """Write a change that enough persons agree to.

    Raises:
        InvalidInput, Conflict: when the client cannot be changed so any more.
    """
    _APPLY[ChangeKind(change.kind)](unit, access, change)


def register_client(unit: UnitOfWork, access: AccessRequest, new: NewClient) -> ClientView:
    """Register the client of others with its first keys: nothing depends on it yet.

    Raises:
        Conflict: for the client of an operator, and when the name or a key is taken.
        InvalidInput: when it cannot have a scope or a key.
    """
    if new.kind is ClientKind.OPERATOR:
        raise _approval_required("The client of an operator belongs to a person")
    person_id = clients.person_behind(unit.session, access.caller)
    return clients.register(unit, access, replace(new, registered_by=person_id))


def change_client(
    unit: UnitOfWork, access: AccessRequest, client_id: UUID, changes: Mapping[str, Any]
) -> ClientView:
    """Rename or suspend a client, or take scopes from it; one person may do this.

    The suspension of an operator's client rejects the changes that are about its person: who cannot
    object to them does not get a key that is not theirs.

    Raises:
        ResourceNotFound: when there is no such client.
        MissingPermission: when the scopes are those of the caller's own person.
        Conflict: when the client would be able to do more, or the name is taken.
    """
    client = find_client(unit.session, client_id, for_update=True)
    if client is None:
        raise ResourceNotFound
    if "scopes" in changes:
        person_id = clients.person_behind(unit.session, access.caller)
        require_other_client(person_id, client.person_id)
        if not set(client.scopes).issuperset(changes["scopes"]):
            raise _approval_required("A further scope takes more than one person")
        taken = set(client.scopes).difference(changes["scopes"])
        if client.person_id is not None and Scope.CLIENTS_WRITE in taken:
            raise _approval_required(
                "A person can reject changes, unless all clients are suspended"
            )
    if changes.get("state") == ClientState.ACTIVE != client.state:
        raise _approval_required("A suspended client stays suspended")
    view = clients.change(unit, access, client_id, changes)
    if changes.get("state") == ClientState.SUSPENDED and client.person_id is not None:
        repository.reject_changes_about(unit.session, client.person_id)
    record_with_schools(unit, access, "changeClient", client_id, is_own_chain=False)
    return view


def remove_key(unit: UnitOfWork, access: AccessRequest, client_id: UUID, thumbprint: str) -> None:
    """Remove a key from a client; raise ResourceNotFound when there is no such client or key."""
    clients.remove_key(unit, access, client_id, thumbprint)
    record_with_schools(unit, access, "removeClientKey", client_id, is_own_chain=False)


def register_first_person(
    unit: UnitOfWork, access: AccessRequest, name: str, jwk: Mapping[str, Any]
) -> ClientView:
    """Register one of the first persons, with a client that has every scope of operators.

    Raises:
        Conflict: when there are enough persons to agree to a further one, or the name is taken.
        InvalidInput: when the key is not accepted.
    """
    repository.lock_persons(unit.session)
    if repository.count_persons(unit.session) >= FIRST_PERSONS:
        raise Conflict(
            "approvalRequired",
            f"There are {FIRST_PERSONS} persons; they have to agree to a further one.",
        )
    kind, person_id = ClientKind.OPERATOR, _add_person(unit, name)
    new = NewClient(name, kind, allowed_scopes(kind), [jwk], person_id)
    return clients.register(unit, access, new)


def record_with_schools(
    unit: UnitOfWork,
    access: AccessRequest,
    action: str,
    client_id: UUID,
    *,
    is_own_chain: bool = True,
) -> None:
    """Record a change of a client for each school with a mandate for it now.

    `is_own_chain` also records it in the chain without a school.
    """
    resource = f"/v1/clients/{client_id}"
    if is_own_chain:
        record_change(unit, access, action, resource)
    for school_id in mandated_schools(unit.session, str(client_id), None, None):
        record_change(unit, access, action, resource, school_id)


def _register_person(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    person_id = _add_person(unit, change.values["personName"])
    clients.register(unit, access, _new_client(change, person_id))


def _register_client(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    clients.register(unit, access, _new_client(change, change.person_id))


def _add_key(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    client_id = _client_of(change)
    for jwk in change.values["keys"]:
        clients.add_key(unit, access, client_id, jwk)
    record_with_schools(unit, access, "addClientKey", client_id, is_own_chain=False)


def _change_scopes(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    client = find_client(unit.session, _client_of(change), for_update=True)
    if client is None:
        raise ResourceNotFound
    new = change.values["scopes"]
    # A change from before these were stored adds nothing.
    before = change.values.get("scopesBefore", new)
    scopes = scopes_after(before, new, client.scopes)
    _change(unit, access, change, {"scopes": frozenset(map(Scope, scopes))})


def _activate(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    _change(unit, access, change, {"state": ClientState.ACTIVE})


def _change(
    unit: UnitOfWork, access: AccessRequest, change: ClientChange, changes: Mapping[str, Any]
) -> None:
    client_id = _client_of(change)
    clients.change(unit, access, client_id, changes)
    record_with_schools(unit, access, "changeClient", client_id, is_own_chain=False)


_APPLY: dict[ChangeKind, Callable[[UnitOfWork, AccessRequest, ClientChange], None]] = {
    ChangeKind.REGISTER_PERSON: _register_person,
    ChangeKind.REGISTER_CLIENT: _register_client,
    ChangeKind.ADD_KEY: _add_key,
    ChangeKind.CHANGE_SCOPES: _change_scopes,
    ChangeKind.ACTIVATE_CLIENT: _activate,
}


def _new_client(change: ClientChange, person_id: UUID | None) -> NewClient:
    values = change.values
    scopes = frozenset(map(Scope, values["scopes"]))
    return NewClient(values["name"], ClientKind.OPERATOR, scopes, values["keys"], person_id)


def _add_person(unit: UnitOfWork, name: str) -> UUID:
    require_name("person_name", name)
    repository.lock_persons(unit.session)
    is_taken = skeleton(name) in map(skeleton, repository.names_of_persons(unit.session))
    person_id = None if is_taken else repository.add_person(unit.session, name)
    if person_id is None:
        raise Conflict(
            "personExists",
            "There is a person with this name or one that looks like it; choose another.",
        )
    return person_id


def _client_of(change: ClientChange) -> UUID:
    if change.client_id is None:
        raise ValueError(f"a change of kind {change.kind} names a client")
    return change.client_id


def _approval_required(reason: str) -> Conflict:
    return Conflict(
        "approvalRequired", f"{reason}; request a client change, for others to approve."
    )
