"""Writes the trail in the transaction it is about, reads a school's own, and checks all of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from shared.audit import repository
from shared.audit.models import AuditEvent
from shared.audit.repository import TrailOf
from shared.audit.rules import Head, faults_of_chain
from shared.core.database import before_commit

_PENDING = "audit_events"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a client, the kind of caller it is, and the school it acts for, if any.

    `subject` is the pseudonym of the person for whom it asks, where there is one.
    """

    client: str
    kind: str
    organisation: str | None
    trace_id: str | None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`resource` is a path with opaque ids; `organisation` the school whose data it is.

    `purpose` is what the school gave a mandate for, where one was needed.
    """

    action: str
    resource: str
    organisation: str | None
    outcome: Literal["allowed", "refused"]
    rule: str
    purpose: str | None = None


def record(session: Session, actor: Actor, decision: Decision) -> None:
    """Puts the decision on the trail with the transaction's commit, or not at all.

    It is written last, since from then on others wait who are about to put something on the trail
    of the same school.
    """
    pending = session.info.setdefault(_PENDING, [])
    if not pending:
        before_commit(session, lambda: _write(session))
    pending.append(
        {
            "client": actor.client,
            "caller_kind": actor.kind,
            "caller_organisation": actor.organisation,
            "organisation": decision.organisation,
            "purpose": decision.purpose,
            "action": decision.action,
            "resource": decision.resource,
            "outcome": decision.outcome,
            "rule": decision.rule,
            "trace_id": actor.trace_id,
            "caller_subject": actor.subject,
        }
    )


def list_events(
    session: Session, trail: TrailOf, offset: int, limit: int
) -> tuple[int, Sequence[AuditEvent]]:
    """How many entries the trail has, and a page of them, newest first.

    The policy comes before this: a trail is for the school it is about.
    """
    return repository.page_of_events(session, trail, offset, limit)


def heads(session: Session) -> dict[str, Head]:
    """The end of every chain, to be kept where nobody who can write here can change it."""
    return repository.heads(session)


def verify(session: Session, kept: Mapping[str, Head]) -> Iterator[tuple[str, str]]:
    """Pairs of a chain (empty: about no school) and what is wrong with it; none if all is whole."""
    unseen = set(kept)
    for chain, head, entries in repository.chains(session):
        unseen.discard(chain)
        for fault in faults_of_chain(entries, head, kept.get(chain)):
            yield chain, fault
    for chain in sorted(unseen):
        yield chain, "the whole chain is gone"


def _write(session: Session) -> None:
    """In the order of the chains, so that two transactions never wait for each other."""
    events: list[dict[str, Any]] = session.info.pop(_PENDING)
    repository.append(session, sorted(events, key=lambda event: event["organisation"] or ""))
