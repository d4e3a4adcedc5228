"""Tables of school feedback: published figures, what they are about, references, computations."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base

REASONS = ("first", "beforeRelease", "corrected", "correctionsLeftOut")


class SchoolFeedbackSnapshot(Base):
    """The figures of a school for one component in one version; no row of it changes.

    `figures` are the JSON of `ComponentFigures` without version, reason and moment. `audit` is the
    result of the disclosure audit of this version; without one that passed, there is no row.
    `reason` is why there is a version: the first one, a change before anybody could read it, a
    correction, or a correction of too few students, which the figures do not include.
    """

    __tablename__ = "school_feedback_snapshots"
    __table_args__ = (
        CheckConstraint(f"reason in {REASONS}", name="reason_known"),
        CheckConstraint("version > 0", name="versions_from_one"),
        CheckConstraint("""audit @> '{"isPassed": true}'""", name="audit_passed"),
        Index(
            "uq_school_feedback_snapshots_version",
            "school_id",
            "administration_id",
            "component_id",
            "version",
            unique=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    component_id: Mapped[int] = mapped_column(ForeignKey("components.id"))
    version: Mapped[int]
    reason: Mapped[str] = mapped_column(String(32))
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    audit: Mapped[dict[str, Any]] = mapped_column(JSONB)
    computed_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class SchoolFeedbackMembers(Base):
    """The students that the figures of a snapshot are about, for workers alone.

    `students[i]` is in the class group `class_groups[i]`, at the place `levels[i]` of the scale.
    `rows` are the class groups of the component, and `shown` those with a row that is not hidden.
    """

    __tablename__ = "school_feedback_members"
    __table_args__ = (
        CheckConstraint(
            "cardinality(students) = cardinality(class_groups)"
            " and cardinality(students) = cardinality(levels)",
            name="one_level_per_student",
        ),
    )

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("school_feedback_snapshots.id"), primary_key=True
    )
    students: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    class_groups: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    levels: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    rows: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    shown: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    shows_school: Mapped[bool]


class ComputedReference(Base):
    """The sums over Flanders or a comparison group, from which references are computed.

    `comparison_group` is empty for Flanders. `counts` are the students per level, from the lowest
    up, `schools` the schools with any of them, and `largest` the students of the two largest of
    these. The sums of scores are about `scored` students. `state` identifies the facts. A component
    that somebody could read keeps its sums.
    """

    __tablename__ = "computed_references"

    component_id: Mapped[int] = mapped_column(ForeignKey("components.id"), primary_key=True)
    comparison_group: Mapped[str] = mapped_column(String(50), primary_key=True)
    state: Mapped[str] = mapped_column(String(64))
    schools: Mapped[int]
    largest: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    counts: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    scored: Mapped[int]
    score_sum: Mapped[Decimal] = mapped_column(Numeric)
    square_sum: Mapped[Decimal] = mapped_column(Numeric)


class FeedbackComputation(Base):
    """The facts with which the feedback of a school was computed last."""

    __tablename__ = "feedback_computations"

    administration_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    facts_revision: Mapped[int]
    reference_state: Mapped[str] = mapped_column(String(64))
    computed_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
