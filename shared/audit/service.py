"""Writes the trail, in the transaction of the read or the refusal it is about."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import insert
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a client, the kind of caller it is, and the school it acts for, if any."""

    client: str
    kind: str
    organisation: str | None
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """`resource` is a path with opaque ids; `organisation` the school whose data it is."""

    action: str
    resource: str
    organisation: str | None
    outcome: Literal["allowed", "refused"]
    rule: str


def record(session: Session, actor: Actor, decision: Decision) -> None:
    session.execute(
        insert(AuditEvent).values(
            client=actor.client,
            caller_kind=actor.kind,
            caller_organisation=actor.organisation,
            trace_id=actor.trace_id,
            organisation=decision.organisation,
            action=decision.action,
            resource=decision.resource,
            outcome=decision.outcome,
            rule=decision.rule,
        )
    )
