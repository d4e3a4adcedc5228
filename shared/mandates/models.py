"""Table of mandates: the products that a school shares with an integrator, and for how long."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.access.products import MANDATE_PRODUCTS
from shared.core.database import INSTANT, Base

_PRODUCTS = ", ".join(repr(product.value) for product in MANDATE_PRODUCTS)


class Mandate(Base):
    """A version of a mandate; a change supersedes it with the next version.

    The mandate is in force from the first to the last day, both included, as days in Brussels. No
    version is ever rewritten or removed, and none is backdated: the mandates of a past day do not
    change. A school can give a mandate before its first delivery, so `school_id` is not a foreign
    key.
    """

    __tablename__ = "mandates"
    __table_args__ = (
        CheckConstraint("school_id ~ '^[0-9]{6}$'", name="school_id_six_digits"),
        CheckConstraint("from_on <= until_on", name="from_before_until"),
        CheckConstraint("cardinality(products) > 0", name="shares_products"),
        CheckConstraint(f"products <@ array[{_PRODUCTS}]::varchar[]", name="products_known"),
        Index(
            "uq_mandates_current",
            "id",
            unique=True,
            postgresql_where=text("superseded_at is null"),
        ),
        Index(
            "ix_mandates_client",
            "client",
            "school_id",
            postgresql_where=text("superseded_at is null"),
        ),
        Index("ix_mandates_school_id", "school_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    version: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, server_default=text("1")
    )
    school_id: Mapped[str] = mapped_column(String(6))
    client: Mapped[str] = mapped_column(String(128))
    products: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    from_on: Mapped[date]
    until_on: Mapped[date]
    purpose: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    decided_by: Mapped[str] = mapped_column(String(128))
    revoked_at: Mapped[datetime | None] = mapped_column(INSTANT)
    superseded_at: Mapped[datetime | None] = mapped_column(INSTANT)
