"""Tables of requested changes of clients, and of the persons that approved them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.client_changes.rules import ChangeKind
from shared.core.database import INSTANT, Base

_KINDS = ", ".join(repr(kind.value) for kind in ChangeKind)


class ClientChange(Base):
    """A change of a client that several persons have to agree to.

    `client_id` is the client that changes, if it exists; `person_id` the person that it belongs to
    or will belong to. `takes_effect_at` is set as soon as enough persons agree.
    """

    __tablename__ = "client_changes"
    __table_args__ = (
        CheckConstraint(f"kind in ({_KINDS})", name="kind_known"),
        CheckConstraint("applied_at is null or rejected_at is null", name="one_end"),
        CheckConstraint(
            "applied_at is null or applied_at >= takes_effect_at", name="applied_after_agreement"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    kind: Mapped[str] = mapped_column(String(16))
    client_id: Mapped[UUID | None] = mapped_column(ForeignKey("clients.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    values: Mapped[dict[str, Any]] = mapped_column(JSONB)
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    requested_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    takes_effect_at: Mapped[datetime | None] = mapped_column(INSTANT)
    applied_at: Mapped[datetime | None] = mapped_column(INSTANT)
    rejected_at: Mapped[datetime | None] = mapped_column(INSTANT)


class ClientChangeApproval(Base):
    """The approval of a requested change by another person than the one that requested it."""

    __tablename__ = "client_change_approvals"

    change_id: Mapped[UUID] = mapped_column(ForeignKey("client_changes.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    approved_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
