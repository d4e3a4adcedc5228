"""Table of release windows: when which feedback may be seen."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class ReleaseWindow(Base):
    """A window of one product, for a whole administration, a target group or one component.

    The most specific window decides alone. `planned_from_at` is the target that was announced;
    `opens_at` is the effective moment, and without it the window stays closed. `never` is a
    promise that nothing opens, whatever the instants say, so it allows none.
    """

    __tablename__ = "release_windows"
    __table_args__ = (
        CheckConstraint("product in ('studentFeedback')", name="product_known"),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        CheckConstraint(
            "not never or (opens_at is null and closes_at is null)", name="never_has_no_moment"
        ),
        CheckConstraint(
            "component_id is null or target_group_id is not null",
            name="component_within_target_group",
        ),
        Index(
            "uq_release_windows_scope",
            "administration_id",
            "product",
            "target_group_id",
            "component_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
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
