"""resumed downloads: when the last byte of the document of a download grant was sent."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_resumed_downloads"
down_revision: str | None = "20261129_no_levels"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
GRANTS = "download_grants"


def upgrade() -> None:
    op.add_column(GRANTS, sa.Column("completed_at", sa.TIMESTAMP(timezone=True), nullable=True))
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} (completed_at) on {GRANTS} to {API}")
    op.execute(f"update {GRANTS} set completed_at = used_at")


def downgrade() -> None:
    op.drop_column(GRANTS, "completed_at")
