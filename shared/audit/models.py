"""Tables of the audit log: decisions on school data, chained by hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    LargeBinary,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base

CHECKS = {
    "caller_kind_known": (
        "caller_kind in ('school', 'integrator', 'operator', 'officer', 'service',"
        " 'unauthenticated')"
    ),
    "codes_are_words": (
        "outcome in ('allowed', 'refused') and action ~ '^[A-Za-z]+$' and rule ~ '^[A-Za-z_]+$'"
    ),
    "resource_is_a_path": "resource ~ '^/[!-~]*$'",
    "texts_are_plain": (
        r"concat(client, caller_organisation, organisation, trace_id, purpose, caller_subject)"
        r" !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]'"
    ),
}
"""What a new decision can contain; older entries of the audit log may have other texts."""


class Decision:
    """The columns of a decision on school data, as it was made."""

    occurred_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    client: Mapped[str] = mapped_column(String(128))
    caller_kind: Mapped[str] = mapped_column(String(16))
    caller_organisation: Mapped[str | None] = mapped_column(String(6))
    organisation: Mapped[str | None] = mapped_column(String(6))
    action: Mapped[str] = mapped_column(String(64))
    resource: Mapped[str] = mapped_column(String(128))
    outcome: Mapped[str] = mapped_column(String(8))
    rule: Mapped[str] = mapped_column(String(32))
    trace_id: Mapped[str | None] = mapped_column(String(64))
    purpose: Mapped[str | None] = mapped_column(String(200))
    caller_subject: Mapped[str | None] = mapped_column(String(128))
    students: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))


class AuditEvent(Decision, Base):
    """One decision on school data; rows are only added, by `append_audit_event`.

    `organisation` is the school that the data is about, if known; `purpose` is that of a mandate;
    `caller_subject` the pseudonym of the person for whom a portal called; `rule` is the check
    that decided (`scope`, `reach`, `gate`, …) or `granted`. `position` counts the entries of one
    organisation, and `hash` covers this entry and the hash of the one before it. `students` are
    those that the answer was about, or that were requested; None in entries from before the column.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        CheckConstraint("outcome in ('allowed', 'refused')", name="outcome_known"),
        Index(
            "uq_audit_events_position",
            "organisation",
            "position",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_audit_events_occurred_at", "organisation", "occurred_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class PendingEvent(Decision, Base):
    """An event that `append_pending_events` has not appended to its chain yet.

    Of a refusal, `organisation`, `students` and `document_id` are as requested: what exists is
    looked up later. An event of many schools has `schools` instead of `organisation`.
    """

    __tablename__ = "pending_audit_events"
    __table_args__ = tuple(CheckConstraint(check, name=name) for name, check in CHECKS.items())

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    document_id: Mapped[UUID | None] = mapped_column()
    schools: Mapped[list[str] | None] = mapped_column(ARRAY(String(6)))


class AuditHead(Base):
    """The head of one chain; `chain` is the school, or empty for entries about no school.

    Without it a removed last entry would not be noticed.
    """

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(String(6), primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
