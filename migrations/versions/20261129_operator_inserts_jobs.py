"""operator inserts jobs: the login of operators locks and changes no job.

It could lock the item of a delivery, read in the locks and statistics how the delivery fits what is
stored, and take the claim from the worker: nothing was applied, and no school saw it. It could also
lock both tables, which stopped every worker. It has the columns that a new job needs, and no other.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261129_operator_inserts_jobs"
down_revision: str | None = "20261129_pending_refusals"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPERATOR = "toetsfeedback_operator"
COLUMNS = {
    "jobs": "kind, lane, subject, arguments, requested_by, state, finished_at",
    "job_items": "job_id, subject",
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        op.execute(f"revoke insert, update on {table} from {OPERATOR}")
        op.execute(f"grant insert ({columns}) on {table} to {OPERATOR}")


def downgrade() -> None:
    for table, columns in COLUMNS.items():
        op.execute(f"revoke insert ({columns}) on {table} from {OPERATOR}")
        op.execute(f"grant insert, update on {table} to {OPERATOR}")
