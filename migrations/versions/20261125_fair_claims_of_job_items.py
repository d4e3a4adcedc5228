"""fair claims of job items: workers search for the next due item; no wake-ups per item."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_fair_turns"
down_revision: str | None = "20261125_download_grants"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.drop_index("ix_job_items_queued", table_name="job_items")
    op.drop_column("job_items", "nudged_at")
    op.create_index(
        "ix_job_items_active",
        "job_items",
        ["job_id", "state", "due_at"],
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_index("ix_job_items_started_at", "job_items", ["job_id", "started_at"])


def downgrade() -> None:
    op.drop_index("ix_job_items_started_at", table_name="job_items")
    op.drop_index("ix_job_items_active", table_name="job_items")
    op.add_column(
        "job_items", sa.Column("nudged_at", postgresql.TIMESTAMP(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_job_items_queued",
        "job_items",
        ["due_at"],
        postgresql_where=sa.text("state = 'queued'"),
    )
