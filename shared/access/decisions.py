"""Access decisions. Every read checks scope, reach and gate, and is recorded in the audit log.

A refusal is recorded in the audit log and committed, although the request ends in an error. The
caller learns only that there is no such resource.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import NoReturn

from shared.access.requests import AccessRequest
from shared.access.rules import Caller, Scope
from shared.access.rules import require_scope as require_one_of
from shared.audit.repository import NewAuditEvent, Outcome, append
from shared.audit.service import record
from shared.core.database import set_local_settings
from shared.core.errors import MissingScope, ResourceNotFound
from shared.core.unit_of_work import UnitOfWork

SETTINGS_COLUMNS = (
    "set_config('toetsfeedback.client', :client, true),"
    " set_config('toetsfeedback.kind', :kind, true),"
    " set_config('toetsfeedback.school', :school, true)"
)
"""Columns of a statement that set the caller for row-level security; see `settings_parameters`."""


class Rule(StrEnum):
    """The check that decided, by its name in the audit log."""

    GRANTED = "granted"
    SCOPE = "scope"
    REACH = "reach"
    GATE = "gate"
    GRANT = "grant"  # a download grant that was used or has expired
    ALARM = "alarm"  # unusually many reads


def act_for(unit: UnitOfWork, caller: Caller) -> None:
    """Set the caller for row-level security in this and the next transactions of the unit.

    Without a caller, the login of the API sees no rows of schools.
    """
    parameters = settings_parameters(caller)
    settings = {f"toetsfeedback.{name}": value for name, value in parameters.items()}
    set_local_settings(unit.session, settings)


def settings_parameters(caller: Caller) -> dict[str, str]:
    """Return the parameters of `SETTINGS_COLUMNS`."""
    return {"client": caller.client, "kind": caller.kind, "school": caller.school_id or ""}


def require_scope(
    unit: UnitOfWork, request: AccessRequest, required: Iterable[Scope], school_id: str | None
) -> None:
    """Raise `MissingScope` unless the caller has one of the scopes.

    A refusal is recorded in the audit log of the school.
    """
    try:
        require_one_of(request.caller, required)
    except MissingScope:
        _record(unit, request, school_id, "refused", Rule.SCOPE)
        raise


def require_reach(unit: UnitOfWork, request: AccessRequest, school_id: str | None) -> None:
    """Raise `ResourceNotFound` unless the school is within reach; None never is."""
    if school_id is None or not request.reach.includes(school_id):
        deny(unit, request, school_id, Rule.REACH)


def allow(unit: UnitOfWork, request: AccessRequest, school_id: str | None) -> None:
    """Record in the audit log that the data of the school is part of the response."""
    purpose = request.reach.purposes.get(school_id or "")
    _record(unit, request, school_id, "allowed", Rule.GRANTED, purpose)


def deny(unit: UnitOfWork, request: AccessRequest, school_id: str | None, rule: Rule) -> NoReturn:
    """Record the refusal in the audit log and raise `ResourceNotFound`."""
    _record(unit, request, school_id, "refused", rule)
    raise ResourceNotFound


def record_alarm(unit: UnitOfWork, request: AccessRequest) -> None:
    """Record unusually many reads in the audit log, also if the request is rolled back.

    The alarm is for operators to examine; it blocks no request.
    """
    event = replace(
        _event(request, request.caller.school_id, "allowed", Rule.ALARM),
        action="bulkReads",
        resource="/v1",
    )
    record(unit, event)
    unit.on_rollback(lambda session: append(session, event))


def record_change(
    unit: UnitOfWork,
    request: AccessRequest,
    action: str,
    resource: str,
    school_id: str | None = None,
) -> None:
    """Record in the audit log what the caller changed; `school_id` is the school it concerns."""
    event = _event(request, school_id, "allowed", Rule.GRANTED)
    record(unit, replace(event, action=action, resource=resource))


def _record(
    unit: UnitOfWork,
    request: AccessRequest,
    school_id: str | None,
    outcome: Outcome,
    rule: Rule,
    purpose: str | None = None,
) -> None:
    record(unit, replace(_event(request, school_id, outcome, rule), purpose=purpose))


def _event(
    request: AccessRequest, school_id: str | None, outcome: Outcome, rule: Rule
) -> NewAuditEvent:
    caller = request.caller
    return NewAuditEvent(
        client=caller.client,
        caller_kind=caller.kind.value,
        caller_organisation=caller.school_id,
        caller_subject=caller.subject,
        organisation=school_id,
        purpose=None,
        action=request.action,
        resource=request.resource,
        outcome=outcome,
        rule=rule.value,
        trace_id=request.trace_id,
    )
