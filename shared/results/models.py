"""Tables of administrations, their catalogue (components, levels) and results."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base

STATUSES = ("reported", "absent", "exempt", "notCompleted", "notAssigned", "withheld")
"""The statuses of a stored result; `withdrawn` in a delivery withdraws a result."""


class Administration(Base):
    """A yearly round of the tests (afname)."""

    __tablename__ = "administrations"
    __table_args__ = (CheckConstraint("tested_from_on <= tested_until_on", name="tested_in_order"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    school_year: Mapped[str] = mapped_column(String(9))
    name: Mapped[str] = mapped_column(String(200))
    tested_from_on: Mapped[date]
    tested_until_on: Mapped[date]


class TargetGroup(Base):
    """The students that a test is made for: a grade, and in secondary education a stream."""

    __tablename__ = "target_groups"
    __table_args__ = (
        Index("uq_target_groups_code", "administration_id", "code", unique=True),
        CheckConstraint("education_level in ('lager', 'secundair')", name="education_level_known"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    code: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    education_level: Mapped[str] = mapped_column(String(9))
    grade: Mapped[int]
    stream: Mapped[str | None] = mapped_column(String(32))
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)


class Component(Base):
    """A part of the tests with a level of its own; no document contains a calibration."""

    __tablename__ = "components"
    __table_args__ = (
        Index("uq_components_code", "administration_id", "code", unique=True),
        CheckConstraint("subject in ('nederlands', 'wiskunde')", name="subject_known"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    code: Mapped[str] = mapped_column(String(64))
    target_group_id: Mapped[int] = mapped_column(ForeignKey("target_groups.id"))
    subject: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    position: Mapped[int]
    is_calibration: Mapped[bool]
    level_scale: Mapped[str] = mapped_column(String(32))
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)


class Level(Base):
    """A level of a scale; `ordinal` 1 is the lowest. Codes are delivered data, not an enum."""

    __tablename__ = "levels"
    __table_args__ = (
        Index("uq_levels_code", "administration_id", "level_scale", "code", unique=True),
        CheckConstraint("ordinal >= 1", name="ordinal_from_one"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    level_scale: Mapped[str] = mapped_column(String(32))
    code: Mapped[str] = mapped_column(String(16))
    ordinal: Mapped[int]
    label: Mapped[str] = mapped_column(String(100))
    attains_basic_literacy: Mapped[bool | None]
    attains_final_objectives: Mapped[bool | None]
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)


class LevelDescription(Base):
    """The description of a level in a component: what a student at this level can do."""

    __tablename__ = "level_descriptions"

    component_id: Mapped[int] = mapped_column(ForeignKey("components.id"), primary_key=True)
    level_id: Mapped[int] = mapped_column(ForeignKey("levels.id"), primary_key=True)
    text: Mapped[str] = mapped_column(String(2000))


class Result(Base):
    """The result of a student for a component; current while `superseded_at` is null.

    A correction supersedes the row and adds another, so the history is kept. The level is set if
    and only if the status is `reported`. Administration and school are those of the student,
    repeated for policies and indexes, so they are not foreign keys.
    """

    __tablename__ = "results"
    __table_args__ = (
        CheckConstraint(
            f"status in ({', '.join(repr(status) for status in STATUSES)})", name="status_known"
        ),
        CheckConstraint(
            "(status = 'reported') = (level_id is not null)", name="level_exactly_when_reported"
        ),
        CheckConstraint(
            "(superseded_at is null) = (superseded_by_delivery_id is null)",
            name="superseded_by_a_delivery",
        ),
        Index(
            "uq_results_current",
            "student_id",
            "component_id",
            unique=True,
            postgresql_where=text("superseded_at is null"),
        ),
        Index(
            "ix_results_current_school",
            "school_id",
            "administration_id",
            postgresql_where=text("superseded_at is null"),
        ),
        Index(
            "ix_results_superseded_by_delivery_id",
            "superseded_by_delivery_id",
            postgresql_where=text("superseded_by_delivery_id is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id"))
    component_id: Mapped[int] = mapped_column(ForeignKey("components.id"))
    status: Mapped[str] = mapped_column(String(16))
    level_id: Mapped[int | None] = mapped_column(ForeignKey("levels.id"))
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id"))
    superseded_at: Mapped[datetime | None] = mapped_column(INSTANT)
    superseded_by_delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey("deliveries.id"))


class ScaleScore(Base):
    """The scale score of a result, for school feedback only: no student's document contains it."""

    __tablename__ = "scale_scores"

    result_id: Mapped[UUID] = mapped_column(ForeignKey("results.id"), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6))
    score: Mapped[Decimal] = mapped_column(Numeric)


class ItemResult(Base):
    """The item results of a student for a component, for test viewing.

    `correct[i]` is true if `items[i]` was answered correctly; both arrays have the same length.
    """

    __tablename__ = "item_results"
    __table_args__ = (
        CheckConstraint("cardinality(items) = cardinality(correct)", name="items_answered"),
    )

    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id"), primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("components.id"), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6))
    items: Mapped[list[str]] = mapped_column(ARRAY(String(64)))
    correct: Mapped[list[bool]] = mapped_column(ARRAY(Boolean))


class DeliveredReference(Base):
    """A value of a reference at school level, as delivered: a share from 0 to 1, or a mean.

    Without a school (empty) it is the reference of all. One of `level` and `indicator` is set, and
    the other one empty.
    """

    __tablename__ = "delivered_references"
    __table_args__ = (
        CheckConstraint("reference in ('flanders', 'similar')", name="reference_known"),
        CheckConstraint("(level = '') <> (indicator = '')", name="level_or_indicator"),
        CheckConstraint(
            "indicator in ('', 'basicLiteracy', 'finalObjectives', 'mean')", name="indicator_known"
        ),
    )

    administration_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6), primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("components.id"), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), primary_key=True)
    level: Mapped[str] = mapped_column(String(16), primary_key=True)
    indicator: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[Decimal] = mapped_column(Numeric)
    standard_error: Mapped[Decimal | None] = mapped_column(Numeric)
    students: Mapped[int | None]
    removed_at: Mapped[datetime | None] = mapped_column(INSTANT)
