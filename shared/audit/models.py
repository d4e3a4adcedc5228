"""Table of the trail: who asked for which school data, and what was answered."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class AuditEvent(Base):
    """One decision on school data; rows are only ever added.

    `organisation` is the school the data is of, when it is known; `rule` is the question of the
    policy that decided (`scope`, `reach`, `gate`) or `granted`.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        CheckConstraint("outcome in ('allowed', 'refused')", name="outcome_known"),
        Index("ix_audit_events_school", "organisation", "occurred_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
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
