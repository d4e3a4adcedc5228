"""monitoring: the request that started a job, the workers that run, and what waits in the queue."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_monitoring"
down_revision: str | None = "20261129_operator_inserts_jobs"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
OPERATOR = "toetsfeedback_operator"

# The API may read jobs for operators only, by row policies. This view tells it counts, for anyone.
QUEUED_ITEMS = """
create view queued_items as
select jobs.lane, count(*) as items,
    min(job_items.due_at) filter (where job_items.due_at <= now()) as oldest_due_at
from job_items join jobs on jobs.id = job_items.job_id
where job_items.state = 'queued'
group by jobs.lane
"""


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace_id", sa.String(length=64), nullable=True))
    op.execute(f"grant select (trace_id), insert (trace_id), update (trace_id) on jobs to {API}")
    op.execute(f"grant insert (trace_id) on jobs to {OPERATOR}")
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.execute(f"grant select, insert, update, delete on workers to {WORKER}")
    op.execute(f"grant select (id, version, seen_at) on workers to {API}")
    op.execute(QUEUED_ITEMS)
    op.execute(f"grant select (lane, items, oldest_due_at) on queued_items to {API}")


def downgrade() -> None:
    op.execute("drop view queued_items")
    op.drop_table("workers")
    op.drop_column("jobs", "trace_id")
