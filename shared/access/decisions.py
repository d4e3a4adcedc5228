"""Access decisions. Every read checks scope, reach and gate, and is recorded in the audit log.

A refusal is recorded in the audit log and committed, although the request ends in an error. The
caller learns only that there is no such resource.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NoReturn
from uuid import UUID

from shared.access.requests import AccessRequest
from shared.access.rules import Caller, Scope
from shared.access.rules import require_scope as require_one_of
from shared.audit.repository import NewAuditEvent, Outcome
from shared.audit.service import record, record_for_participants
from shared.core.database import set_local_settings
from shared.core.errors import MissingScope, ResourceNotFound
from shared.core.unit_of_work import UnitOfWork

SETTINGS_COLUMNS = (
    "set_config('toetsfeedback.client', :client, true),"
    " set_config('toetsfeedback.kind', :kind, true),"
    " set_config('toetsfeedback.school', :school, true),"
    " set_config('toetsfeedback.subject', :subject, true)"
)
"""Columns of a statement that set the caller for row-level security and the audit log; see
`settings_parameters`."""


@dataclass(frozen=True, slots=True)
class About:
    """The students that an answer or a refused request is about, or the document with its students.

    Ids that do not exist count as none.
    """

    students: Sequence[UUID] = ()
    document: UUID | None = None


NO_STUDENT = About()


class Rule(StrEnum):
    """The check that decided, by its name in the audit log."""

    GRANTED = "granted"
    SCOPE = "scope"
    REACH = "reach"
    GATE = "gate"
    TOKEN_REVOKED = "tokenRevoked"  # or its client was suspended, or lost the key  # noqa: S105
    LINK_USED = "linkUsed"  # a download link was opened again, for example by a second click
    LINK_EXPIRED = "linkExpired"
    ALARM = "alarm"  # reads about unusually many students


def act_for(unit: UnitOfWork, caller: Caller) -> None:
    """Set the caller for row-level security in this and the next transactions of the unit.

    Audit events are recorded under the same caller. Without one, the login of the API sees no rows
    of schools, and its audit events are those of an unauthenticated client.
    """
    parameters = settings_parameters(caller)
    settings = {f"toetsfeedback.{name}": value for name, value in parameters.items()}
    set_local_settings(unit.session, settings)


def settings_parameters(caller: Caller) -> dict[str, str]:
    """Return the parameters of `SETTINGS_COLUMNS`."""
    return {
        "client": caller.client,
        "kind": caller.kind,
        "school": caller.school_id or "",
        "subject": caller.subject or "",
    }


def require_scope(
    unit: UnitOfWork,
    request: AccessRequest,
    required: Iterable[Scope],
    school_id: str | None,
    about: About = NO_STUDENT,
) -> None:
    """Raise `MissingScope` unless the caller has one of the scopes.

    A refusal is recorded in the audit log of the school, or of the school that `about` belongs to.
    """
    try:
        require_one_of(request.caller, required)
    except MissingScope:
        _record(unit, request, school_id, "refused", Rule.SCOPE, about)
        raise


def allow(
    unit: UnitOfWork, request: AccessRequest, school_id: str | None, about: About = NO_STUDENT
) -> None:
    """Record in the audit log that the data of the school is part of the response.

    `about` has the students whose data it is.
    """
    purpose = request.reach.purposes.get(school_id or "")
    _record(unit, request, school_id, "allowed", Rule.GRANTED, about, purpose)


def deny(
    unit: UnitOfWork,
    request: AccessRequest,
    school_id: str | None,
    rule: Rule,
    about: About = NO_STUDENT,
) -> NoReturn:
    """Record the refusal in the audit log and raise `ResourceNotFound`.

    `about` has the student or the document that was requested.
    """
    record_refusal(unit, request, school_id, rule, about)
    raise ResourceNotFound


def record_refusal(
    unit: UnitOfWork,
    request: AccessRequest,
    school_id: str | None,
    rule: Rule,
    about: About = NO_STUDENT,
) -> None:
    """Record the refusal in the audit log; the caller of this function raises an `AccessDenied`."""
    _record(unit, request, school_id, "refused", rule, about)


def record_alarm(unit: UnitOfWork, request: AccessRequest) -> None:
    """Record in the audit log that the caller read about unusually many students.

    The alarm is for operators to examine; it blocks no request.
    """
    act_for(unit, request.caller)
    event = _event(request, request.caller.school_id, "allowed", Rule.ALARM)
    record(unit, replace(event, action="bulkReads", resource="/v1"))


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


def record_change_for_participants(
    unit: UnitOfWork, request: AccessRequest, action: str, resource: str, administration_id: str
) -> None:
    """Record what the caller changed for all schools of an administration.

    Each of them has it in its own audit log; the log without a school has it too.
    """
    event = replace(
        _event(request, None, "allowed", Rule.GRANTED), action=action, resource=resource
    )
    record(unit, event)
    record_for_participants(unit, event, administration_id)


def _record(
    unit: UnitOfWork,
    request: AccessRequest,
    school_id: str | None,
    outcome: Outcome,
    rule: Rule,
    about: About,
    purpose: str | None = None,
) -> None:
    event = replace(
        _event(request, _log_of(request, school_id), outcome, rule),
        purpose=purpose,
        students=about.students,
        document=about.document,
    )
    record(unit, event, request.students_read if outcome == "allowed" else None)


def _log_of(request: AccessRequest, school_id: str | None) -> str | None:
    """Return the school whose audit log has a decision: a successor, for its predecessors' data."""
    own = request.caller.school_id
    return own if own is not None and school_id in (request.reach.schools or ()) else school_id


def _event(
    request: AccessRequest, school_id: str | None, outcome: Outcome, rule: Rule
) -> NewAuditEvent:
    return NewAuditEvent(
        organisation=school_id,
        action=request.action,
        resource=request.resource,
        outcome=outcome,
        rule=rule.value,
        trace_id=request.trace_id,
    )
