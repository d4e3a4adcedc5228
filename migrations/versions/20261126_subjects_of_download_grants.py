"""subjects of download grants, for the audit events of the downloads."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_people_of_grants"
down_revision: str | None = "20261125_purposes"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    column = sa.Column("caller_subject", sa.String(length=128), nullable=True)
    op.add_column("download_grants", column)


def downgrade() -> None:
    op.drop_column("download_grants", "caller_subject")
