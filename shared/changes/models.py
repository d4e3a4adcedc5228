"""Table of change events: an outbox of openings, recalls and corrections, for others to follow."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.access.products import Product
from shared.core.database import INSTANT, Base


class EventKind(StrEnum):
    OPENED = "opened"  # an opening, also one that ends a recall
    RECALLED = "recalled"
    CORRECTED = "corrected"  # a delivery changed results that are released


_KINDS = ", ".join(repr(kind.value) for kind in EventKind)
_PRODUCTS = ", ".join(repr(product.value) for product in Product)


class ChangeEvent(Base):
    """A change of what can be read, of one school or without one of all of the administration.

    `source_id` is the opening with its `epoch`, the recall or the delivery. Functions of the
    database write the rows, and the commit gives `number` and `occurred_at`, both in the order in
    which events become visible: the next number is always one more. `component_ids` are those that
    a correction changed; the commit looks whether one is released, and removes them.
    """

    __tablename__ = "change_events"
    __table_args__ = (
        CheckConstraint(f"kind in ({_KINDS})", name="kind_known"),
        CheckConstraint(f"product in ({_PRODUCTS})", name="product_known"),
        CheckConstraint("(kind = 'opened') = (epoch is not null)", name="epoch_of_opening"),
        CheckConstraint(
            "(number is null) = (occurred_at is null)"
            " and (number is null or component_ids is null)",
            name="numbered_at_commit",
        ),
        UniqueConstraint("number"),
        Index(
            "uq_change_events_source",
            "source_id",
            "kind",
            "epoch",
            "school_id",
            "product",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_change_events_not_numbered", "id", postgresql_where=text("number is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str | None] = mapped_column(String(6))
    product: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[UUID] = mapped_column()
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime | None] = mapped_column(INSTANT)
    component_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
