"""Table of release windows: the periods in which feedback is visible."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
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
