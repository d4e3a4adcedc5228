"""Table of deliveries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class Delivery(Base):
    """A delivery that was received, and the outcome of its import.

    `report` is the JSON in `GET /deliveries/{id}`; it quotes no name and no INSZ.
    `content_sha256` covers the hashes in the manifest, so it identifies the whole content.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(
            "status in ('received', 'applied', 'unchanged', 'refused')", name="status_known"
        ),
        CheckConstraint("mode in ('full', 'correction')", name="mode_known"),
        Index(
            "uq_deliveries_applied_reference",
            "reference",
            unique=True,
            postgresql_where=text("status = 'applied'"),
        ),
        Index(
            "uq_deliveries_applied_sequence",
            "administration_id",
            "sequence",
            unique=True,
            postgresql_where=text("status = 'applied'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    status: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str | None] = mapped_column(String(128))
    administration_id: Mapped[str | None] = mapped_column(String(32))
    mode: Mapped[str | None] = mapped_column(String(16))
    sequence: Mapped[int | None]
    content_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    storage_key: Mapped[str | None] = mapped_column(String(200))
    received_from: Mapped[str] = mapped_column(String(128))
    received_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    finished_at: Mapped[datetime | None] = mapped_column(INSTANT)
    report: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))


class InszKey(Base):
    """The check value of the key that hashes INSZ numbers, from the first applied delivery on.

    It has one row at most.
    """

    __tablename__ = "insz_key"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False, server_default=text("1")
    )
    check_value: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
