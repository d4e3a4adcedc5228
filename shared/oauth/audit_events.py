"""Audit events of authentication: tokens issued or revoked, and requests that were refused."""

from uuid import UUID

from shared.access.decisions import Rule, act_for
from shared.access.rules import Caller
from shared.audit.repository import NewAuditEvent
from shared.audit.service import record
from shared.core.unit_of_work import UnitOfWork


def record_token(
    unit: UnitOfWork, caller: Caller, action: str, resource: str, trace_id: str
) -> None:
    """Record that a token of a caller was issued or revoked, in the audit log of its school.

    The unit acts for the caller afterwards.
    """
    act_for(unit, caller)
    event = NewAuditEvent(
        organisation=caller.school_id,
        action=action,
        resource=resource,
        outcome="allowed",
        rule=Rule.GRANTED,
        trace_id=trace_id,
    )
    record(unit, event)


def record_refused_client(
    unit: UnitOfWork, claimed: UUID | None, error: str, action: str, resource: str, trace_id: str
) -> None:
    """Record a refused request to the authorization server, in the log without a school.

    `claimed` is the client that the request names; `error` is the code of RFC 6749.
    """
    event = NewAuditEvent(
        organisation=None,
        action=action,
        resource=resource,
        outcome="refused",
        rule=error,
        trace_id=trace_id,
        claimed_client=claimed,
    )
    record(unit, event)
