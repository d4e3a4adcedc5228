"""Tables of hand-overs: the fiches that a school has given to families, and what it withdrew."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base
from shared.hand_overs.rules import Means

_MEANS = ", ".join(repr(means.value) for means in Means)


class HandOver(Base):
    """The hand-over of one fiche, as the school recorded it; no row is ever changed.

    `content_sha256` is that of the fiche at that moment: a corrected fiche has another one, a fiche
    that was only rebuilt the same. `number` counts the hand-overs of a student, withdrawn ones
    included: the highest is the last. A hand-over has no result, and is deleted with its student.
    """

    __tablename__ = "hand_overs"
    __table_args__ = (
        UniqueConstraint("student_id", "number"),
        CheckConstraint(f"means in ({_MEANS})", name="means_known"),
        CheckConstraint("number > 0", name="numbers_from_one"),
        CheckConstraint(
            "handed_over_on <= (recorded_at at time zone 'Europe/Brussels')::date",
            name="not_in_advance",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id", ondelete="CASCADE"))
    number: Mapped[int]
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    means: Mapped[str] = mapped_column(String(16))
    handed_over_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class HandOverWithdrawal(Base):
    """The withdrawal of a hand-over that was recorded by mistake; both rows stay."""

    __tablename__ = "hand_over_withdrawals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["hand_over_id", "school_id"],
            ["hand_overs.id", "hand_overs.school_id"],
            ondelete="CASCADE",
        ),
    )

    hand_over_id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    withdrawn_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
