"""Tables of the gate: release windows, openings with manifests and approvals, recalls."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.access.products import Product
from shared.core.database import INSTANT, Base

_PRODUCTS = ", ".join(repr(product.value) for product in Product)
_PERIOD = """case
    when never then tstzrange(null, null)
    when opens_at is null then tstzrange('-infinity', '-infinity', '[]')
    else tstzrange(opens_at, closes_at)
end"""


class ReleaseWindow(Base):
    """A release window of one product, for an administration, a target group or one component.

    Only the windows of the most specific scope decide. `planned_from_at` is the announced target;
    `opens_at` is the effective moment, without which the window stays closed. `never` promises that
    the scope is not released, so it allows no effective moment.

    A window of a component names no target group: it covers the component wherever it belongs.

    A window opens with the opening of its product and moment. One that was open before there were
    release plans has `before_plans`, and needs none.

    A scope can have several windows as long as no two overlap (`overlaps` in `rules.py`). For
    the constraint, `never` covers all of time, and a window without `opens_at` only `-infinity`.
    """

    __tablename__ = "release_windows"
    __table_args__ = (
        CheckConstraint(f"product in ({_PRODUCTS})", name="product_known"),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        CheckConstraint("isfinite(opens_at)", name="opens_at_finite"),
        CheckConstraint(
            "not never or (opens_at is null and closes_at is null)", name="never_has_no_moment"
        ),
        CheckConstraint(
            "component_id is null or target_group_id is null",
            name="target_group_or_component",
        ),
        ExcludeConstraint(
            ("administration_id", "="),
            ("product", "="),
            (text("coalesce(target_group_id, 0)"), "="),
            (text("coalesce(component_id, 0)"), "="),
            (text(_PERIOD), "&&"),
            name="ex_release_windows_overlap",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    product: Mapped[str] = mapped_column(String(32))
    target_group_id: Mapped[int | None] = mapped_column(ForeignKey("target_groups.id"))
    component_id: Mapped[int | None] = mapped_column(ForeignKey("components.id"))
    planned_from_at: Mapped[datetime | None] = mapped_column(INSTANT)
    opens_at: Mapped[datetime | None] = mapped_column(INSTANT)
    closes_at: Mapped[datetime | None] = mapped_column(INSTANT)
    never: Mapped[bool] = mapped_column(server_default=text("false"))
    updated_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
    before_plans: Mapped[bool] = mapped_column(server_default=text("false"))


class Opening(Base):
    """The moment at which the windows of a product with one `opens_at` open, or a recall ends.

    Triggers of the database write it: from the plan, and from every change of facts. `coverage` are
    the components that it opens, each with the end of its window. The database raises `epoch` with
    each change of what a manifest describes, once `observed_epoch` says that a verification has
    begun. `recall_id` is the recall that it ends.
    """

    __tablename__ = "openings"
    __table_args__ = (
        CheckConstraint(f"product in ({_PRODUCTS})", name="product_known"),
        CheckConstraint("approvals_needed >= 2", name="two_persons_approve"),
        Index(
            "uq_openings_moment",
            "administration_id",
            "product",
            "opens_at",
            "recall_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    product: Mapped[str] = mapped_column(String(32))
    opens_at: Mapped[datetime] = mapped_column(INSTANT)
    recall_id: Mapped[UUID | None] = mapped_column(ForeignKey("recalls.id"))
    coverage: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    observed_epoch: Mapped[int | None] = mapped_column(BigInteger)
    approvals_needed: Mapped[int] = mapped_column(SmallInteger, server_default=text("2"))
    planned_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class OpeningPlanner(Base):
    """A person that changed what an opening opens, and therefore cannot approve it."""

    __tablename__ = "opening_planners"

    opening_id: Mapped[UUID] = mapped_column(ForeignKey("openings.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)


class OpeningChange(Base):
    """A change in a running transaction that concerns openings; its commit removes the row."""

    __tablename__ = "opening_changes"
    __table_args__ = (
        Index(
            "uq_opening_changes_scope",
            "transaction_id",
            "administration_id",
            "product",
            "is_plan",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    administration_id: Mapped[str] = mapped_column(String(32))
    product: Mapped[str | None] = mapped_column(String(32))
    is_plan: Mapped[bool] = mapped_column()


class Manifest(Base):
    """The proof of an opening: all that it will show, as verified in one of its epochs.

    `content` is canonical JSON, and `signature` a JWS over its hash. It is complete without faults;
    a fiche that cannot be made is a named exception.
    """

    __tablename__ = "manifests"
    __table_args__ = (
        UniqueConstraint("opening_id", "number"),
        CheckConstraint("content_hash = sha256(content)", name="hash_of_content"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    opening_id: Mapped[UUID] = mapped_column(ForeignKey("openings.id"))
    number: Mapped[int] = mapped_column(Integer)
    epoch: Mapped[int] = mapped_column(BigInteger)
    component_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    is_complete: Mapped[bool] = mapped_column()
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[str] = mapped_column(Text)
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("clock_timestamp()"))


class ManifestFinding(Base):
    """A fault, such as a document that a school lacks, or an exception that approvers sign.

    Without a school, it concerns all of them.
    """

    __tablename__ = "manifest_findings"
    __table_args__ = (
        CheckConstraint("kind in ('fault', 'exception')", name="kind_known"),
        CheckConstraint("code ~ '^[A-Za-z]+$'", name="code_is_a_word"),
        Index("ix_manifest_findings_manifest_id", "manifest_id", "school_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    manifest_id: Mapped[UUID] = mapped_column(ForeignKey("manifests.id"))
    kind: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(64))
    school_id: Mapped[str | None] = mapped_column(String(6))
    student_id: Mapped[UUID | None] = mapped_column()
    document_id: Mapped[UUID | None] = mapped_column()


class OpeningApproval(Base):
    """The approval of a manifest by one person, until it expires or is voided."""

    __tablename__ = "opening_approvals"
    __table_args__ = (
        CheckConstraint("expires_at > approved_at", name="expires_later"),
        CheckConstraint("voided_at >= approved_at", name="voided_later"),
    )

    manifest_id: Mapped[UUID] = mapped_column(ForeignKey("manifests.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    manifest_hash: Mapped[bytes] = mapped_column(LargeBinary)
    approved_at: Mapped[datetime] = mapped_column(INSTANT)
    expires_at: Mapped[datetime] = mapped_column(INSTANT)
    voided_at: Mapped[datetime | None] = mapped_column(INSTANT)


class Recall(Base):
    """The end of a release before the end of its window; in effect until a later opening ends it.

    Without a target group, a component and a school it concerns all of the product.
    """

    __tablename__ = "recalls"
    __table_args__ = (
        CheckConstraint(f"product in ({_PRODUCTS})", name="product_known"),
        CheckConstraint(
            "num_nonnulls(target_group_id, component_id, school_id) <= 1", name="one_scope"
        ),
        CheckConstraint("reopens_at > recalled_at", name="reopens_later"),
        CheckConstraint("length(reason) between 1 and 300", name="reason_is_short"),
        Index("ix_recalls_administration_id", "administration_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    product: Mapped[str] = mapped_column(String(32))
    target_group_id: Mapped[int | None] = mapped_column(ForeignKey("target_groups.id"))
    component_id: Mapped[int | None] = mapped_column(ForeignKey("components.id"))
    school_id: Mapped[str | None] = mapped_column(ForeignKey("schools.id"))
    reason: Mapped[str] = mapped_column(String(300))
    recalled_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("clock_timestamp()"))
    recalled_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("persons.id"), server_default=text("calling_person()")
    )
    reopens_at: Mapped[datetime | None] = mapped_column(INSTANT)
