"""inline feedback: versions of figures are stored within their row.

A value outside of its row takes a number from the counter of object ids, which any login of the
cluster sees. After a correction and a computation, it would tell an operator whether figures
changed, and so whether a level in the correction was the stored one.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261214_inline_feedback"
down_revision: str | None = "20261213_feedback_epochs"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = {
    "school_feedback_snapshots": ("figures", "audit"),
    "school_feedback_members": ("students", "class_groups", "levels", "rows", "shown"),
}


def upgrade() -> None:
    _set_storage("main")


def downgrade() -> None:
    _set_storage("extended")


def _set_storage(storage: str) -> None:
    """Set where values are stored that are written from now on; `main` compresses first."""
    for table, columns in COLUMNS.items():
        for column in columns:
            op.execute(f'alter table {table} alter column "{column}" set storage {storage}')
