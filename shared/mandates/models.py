"""Table of mandates: which school shares which products with which integrator, and until when."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.access.products import PRODUCTS
from shared.core.database import INSTANT, Base


class Mandate(Base):
    """One version of what a school granted; a change supersedes it by a next one.

    Both days are days in Brussels, and the last counts too. No version is ever rewritten or
    removed, and none reaches back: who had a mandate on a day in the past does not change any more.
    A school may give one before its first delivery, so the school need not be known here yet.
    """

    __tablename__ = "mandates"
    __table_args__ = (
        CheckConstraint("school_id ~ '^[0-9]{6}$'", name="school_id_six_digits"),
        CheckConstraint("from_on <= until_on", name="from_before_until"),
        CheckConstraint("cardinality(products) > 0", name="shares_products"),
        CheckConstraint(
            f"products <@ array[{', '.join(repr(product) for product in PRODUCTS)}]::varchar[]",
            name="products_known",
        ),
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
