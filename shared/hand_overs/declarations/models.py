"""Tables of declarations: what a school declares about its regulations, per school year."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class Declaration(Base):
    """The declaration of a school that its regulations arrange the use of results.

    That is: in class councils, as one of several elements. It is about one school year, and no
    condition of reading. No row is ever changed. `number` counts the declarations of a school year.
    A school can declare before its first delivery, so `school_id` is not a foreign key.
    """

    __tablename__ = "declarations"
    __table_args__ = (
        UniqueConstraint("school_id", "school_year", "number"),
        CheckConstraint("school_id ~ '^[0-9]{6}$'", name="school_id_six_digits"),
        CheckConstraint("school_year ~ '^[0-9]{4}-[0-9]{4}$'", name="school_year_two_years"),
        CheckConstraint("number > 0", name="numbers_from_one"),
        CheckConstraint(
            "declared_on <= (recorded_at at time zone 'Europe/Brussels')::date",
            name="not_in_advance",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    school_year: Mapped[str] = mapped_column(String(9))
    number: Mapped[int]
    declared_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class DeclarationWithdrawal(Base):
    """The withdrawal of a declaration; both rows stay."""

    __tablename__ = "declaration_withdrawals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["declaration_id", "school_id"],
            ["declarations.id", "declarations.school_id"],
            ondelete="CASCADE",
        ),
    )

    declaration_id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    withdrawn_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
