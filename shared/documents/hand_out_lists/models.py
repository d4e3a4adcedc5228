"""Table of missing fiches: the students of whom the last build made none, and why."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import Base
from shared.documents.hand_out_lists.content import MissingReason

_REASONS = ", ".join(repr(reason.value) for reason in MissingReason)


class MissingFiche(Base):
    """A student without a fiche, with the reason; each build of the school replaces all its rows.

    Like a document, it can be read only while each of its components is released, and while its
    `facts_revision` is that of the school.
    """

    __tablename__ = "missing_fiches"
    __table_args__ = (
        CheckConstraint(f"reason in ({_REASONS})", name="reason_known"),
        CheckConstraint("cardinality(component_ids) > 0", name="is_about_components"),
        Index("ix_missing_fiches_school_id", "school_id", "administration_id"),
    )

    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id"), primary_key=True)
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    component_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    reason: Mapped[str] = mapped_column(String(32))
    facts_revision: Mapped[int]
