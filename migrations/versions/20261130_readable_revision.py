"""readable revision: every program can compare the schema with the one that its code needs.

A program refuses a database of another version at its start, instead of failing at each statement.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261130_readable_revision"
down_revision: str | None = "20261130_insz_key"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PROGRAMS = (
    "toetsfeedback_api, toetsfeedback_worker, toetsfeedback_importer, toetsfeedback_operator, "
    "toetsfeedback_auditor"
)


def upgrade() -> None:
    op.execute(f"grant select (version_num) on alembic_version to {PROGRAMS}")


def downgrade() -> None:
    op.execute(f"revoke select (version_num) on alembic_version from {PROGRAMS}")
