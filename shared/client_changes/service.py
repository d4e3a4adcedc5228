"""Use cases of requested changes of clients: request, approve, reject and apply one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.access.rules import Caller, Scope
from shared.client_changes import repository
from shared.client_changes.application import record_with_schools, run_change
from shared.client_changes.models import ClientChange
from shared.client_changes.rules import (
    DELAYED,
    Agreement,
    ChangeKind,
    ChangeState,
    Progress,
    delay_of,
    require_approver,
    require_other_client,
    state_of,
)
from shared.core.clock import database_now, in_brussels
from shared.core.errors import Conflict, InvalidInput, MissingPermission, ResourceNotFound
from shared.core.names import require_name
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients import service as clients
from shared.oauth.clients.models import Client
from shared.oauth.clients.repository import find_client
from shared.oauth.clients.rules import ClientKind

ANNOUNCEMENTS = {
    ChangeKind.ADD_KEY: "announceClientKey",
    ChangeKind.CHANGE_SCOPES: "announceClientScopes",
}
"""The actions with which the audit log of a school announces a change that waits."""


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to request: of a client, or of the clients of a person.

    `name` is that of the new client, `person_name` that of a new person.
    """

    kind: ChangeKind
    client_id: UUID | None = None
    person_id: UUID | None = None
    person_name: str | None = None
    name: str | None = None
    scopes: frozenset[Scope] = frozenset()
    keys: Sequence[Mapping[str, Any]] = field(default=())


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A requested change with its state, and the persons that approved it."""

    change: ClientChange
    state: ChangeState
    approved_by: frozenset[UUID]


def list_changes(session: Session, selection: PageSelection) -> Page[ChangeView]:
    """Return a page of the requested changes, newest first."""
    page = repository.page_of_changes(session, selection)
    approvals = repository.approvals_of(session, [change.id for change in page.rows])
    return page.map(lambda change: _view(session, change, approvals[change.id]))


def read_change(session: Session, change_id: UUID) -> ChangeView:
    """Return a requested change; raise ResourceNotFound when there is none."""
    change = repository.find_change(session, change_id)
    if change is None:
        raise ResourceNotFound
    return _view(session, change, repository.approvals_of(session, [change_id])[change_id])


def request_change(unit: UnitOfWork, access: AccessRequest, new: NewChange) -> ChangeView:
    """Request a change; the person behind the caller's client agrees to it by that.

    Raises:
        MissingPermission: when no person is behind the client, or the scopes are their own.
        InvalidInput: when there is no such client or person, or it cannot have a name, a scope or a
            key.
        Conflict: when the person that it is about has no active client to object with.
    """
    person = person_of(unit.session, access.caller)
    subject = _require_possible(unit.session, new)
    _require_objection(unit.session, new.kind, subject)
    if new.kind is ChangeKind.CHANGE_SCOPES:
        require_other_client(person, subject)
    values = {
        "personName": new.person_name,
        "name": new.name,
        "scopes": sorted(new.scopes) or None,
        "scopesBefore": _scopes_before(unit.session, new),
        "keys": [dict(key) for key in new.keys] or None,
    }
    change = repository.add_change(
        unit.session,
        {
            "kind": new.kind.value,
            "client_id": new.client_id,
            "person_id": subject,
            "values": {name: value for name, value in values.items() if value is not None},
            "requested_by": person,
        },
    )
    _record(unit, access, change)
    return read_change(unit.session, change.id)


def approve_change(
    unit: UnitOfWork, access: AccessRequest, change_id: UUID, delay: timedelta
) -> ChangeView:
    """Approve a change; when enough persons agree, apply it, now or after the delay.

    Raises:
        ResourceNotFound: when there is no such change.
        MissingPermission: when the person behind the caller's client may not approve it.
        Conflict: when the change has ended or is agreed, or cannot be applied any more.
    """
    person = person_of(unit.session, access.caller)
    change = _locked(unit.session, change_id, ChangeState.PENDING)
    require_approver(_agreement(unit.session, change), person)
    repository.add_approval(unit.session, change_id, person)
    _record(unit, access, change)
    if _is_agreed(unit.session, change):
        wait = delay_of(ChangeKind(change.kind), delay)
        change.takes_effect_at = database_now(unit.session) + wait
        if not wait:
            _apply(unit, access, change)
        elif change.client_id is not None:
            action = ANNOUNCEMENTS[ChangeKind(change.kind)]
            record_with_schools(unit, access, action, change.client_id)
        unit.session.flush()
    return read_change(unit.session, change_id)


def reject_change(unit: UnitOfWork, access: AccessRequest, change_id: UUID) -> ChangeView:
    """Reject a change that is not applied yet; one person is enough.

    Raises:
        ResourceNotFound: when there is no such change.
        MissingPermission: when no person is behind the caller's client.
        Conflict: when the change has ended.
    """
    person_of(unit.session, access.caller)
    change = _locked(unit.session, change_id, ChangeState.PENDING, ChangeState.AGREED)
    change.rejected_at = database_now(unit.session)
    unit.session.flush()
    _record(unit, access, change)
    return read_change(unit.session, change_id)


def apply_change(unit: UnitOfWork, access: AccessRequest, change_id: UUID) -> ChangeView:
    """Apply an agreed change after its delay.

    Raises:
        ResourceNotFound: when there is no such change.
        MissingPermission: when no person is behind the caller's client.
        Conflict: when too few persons agree, the delay is not over, or the change has ended.
    """
    person_of(unit.session, access.caller)
    change = _locked(unit.session, change_id, ChangeState.PENDING, ChangeState.AGREED)
    if change.takes_effect_at is None or not _is_agreed(unit.session, change):
        raise Conflict("approvalRequired", "Not enough other persons have approved this change.")
    if database_now(unit.session) < change.takes_effect_at:
        begins = in_brussels(change.takes_effect_at).isoformat(timespec="seconds")
        raise Conflict("changeNotDue", f"This change can be applied from {begins}.")
    _require_objection(unit.session, ChangeKind(change.kind), change.person_id)
    _record(unit, access, change)
    _apply(unit, access, change)
    unit.session.flush()
    return read_change(unit.session, change_id)


def person_of(session: Session, caller: Caller) -> UUID:
    """Return the person behind the caller's client; raise MissingPermission when there is none."""
    client = clients.find_registered(session, caller.client)
    if client is None or client.person_id is None:
        raise MissingPermission("Only a client that belongs to a registered person may do this.")
    return client.person_id


def _apply(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    run_change(unit, access, change)
    change.applied_at = change.takes_effect_at = max(
        database_now(unit.session), change.takes_effect_at or database_now(unit.session)
    )


def _require_possible(session: Session, new: NewChange) -> UUID | None:
    """Return the person that the change is about; raise InvalidInput if it cannot be done."""
    for field_name, text in (("person_name", new.person_name), ("name", new.name)):
        if text is not None:
            require_name(field_name, text)
    for number, key in enumerate(new.keys):
        clients.require_usable(key, "keys", number)
    if new.client_id is None:
        clients.require_allowed(ClientKind.OPERATOR, new.scopes)
        if new.person_id is not None and not repository.has_person(session, new.person_id):
            raise InvalidInput("person_id", detail="No person has this id.")
        return new.person_id
    client = _require_client(session, new.client_id)
    clients.require_allowed(ClientKind(client.kind), new.scopes)
    return client.person_id


def _scopes_before(session: Session, new: NewChange) -> list[str] | None:
    """Return the scopes of a client whose scopes are to change: what is added are the others."""
    if new.kind is not ChangeKind.CHANGE_SCOPES or new.client_id is None:
        return None
    return sorted(_require_client(session, new.client_id).scopes)


def _require_objection(session: Session, kind: ChangeKind, subject: UUID | None) -> None:
    """Raise Conflict if the change waits, but the person that it is about cannot object to it."""
    if kind not in DELAYED or subject is None:
        return
    if subject not in repository.active_persons(session, {subject}):
        raise Conflict(
            "approvalRequired",
            "The person has no active client with clients:write, and could not object; activate "
            "one first, or register another person.",
        )


def _require_client(session: Session, client_id: UUID) -> Client:
    client = find_client(session, client_id)
    if client is None:
        raise InvalidInput("client", detail="No client has this id.")
    if client.kind == ClientKind.OPERATOR and client.person_id is None:
        raise InvalidInput("client", detail="This client belongs to nobody; register another.")
    return client


def _locked(session: Session, change_id: UUID, *states: ChangeState) -> ClientChange:
    change = repository.find_change(session, change_id, for_change=True)
    if change is None:
        raise ResourceNotFound
    state = _state_of(session, change)
    if state not in states:
        raise Conflict("changeEnded", f"This change is {state}; request another one.")
    return change


def _agreement(session: Session, change: ClientChange) -> Agreement:
    approved_by = repository.approvals_of(session, [change.id])[change.id]
    return Agreement(ChangeKind(change.kind), change.person_id, change.requested_by, approved_by)


def _is_agreed(session: Session, change: ClientChange) -> bool:
    agreement = _agreement(session, change)
    return agreement.is_reached(repository.active_persons(session, agreement.persons))


def _state_of(session: Session, change: ClientChange) -> ChangeState:
    progress = Progress(
        change.requested_at, change.takes_effect_at, change.applied_at, change.rejected_at
    )
    return state_of(progress, database_now(session))


def _view(session: Session, change: ClientChange, approved_by: frozenset[UUID]) -> ChangeView:
    return ChangeView(change, _state_of(session, change), approved_by)


def _record(unit: UnitOfWork, access: AccessRequest, change: ClientChange) -> None:
    record_change(unit, access, access.action, f"/v1/clientChanges/{change.id}")
