"""waiting items: the server that a job item waits for, and how often it has waited."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261202_waiting_items"
down_revision: str | None = "20261130_access_limits"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, OPERATOR = "toetsfeedback_api", "toetsfeedback_operator"

# The API may read jobs for operators only, by row policies. This view tells it counts, for anyone.
WAITING_ITEMS = """
create view waiting_items as
select waiting_for, count(*) as items
from job_items
where state in ('queued', 'running') and waiting_for is not null
group by waiting_for
"""


def upgrade() -> None:
    waits = sa.Column("waits", sa.Integer(), server_default=sa.text("0"), nullable=False)
    op.add_column("job_items", waits)
    op.add_column("job_items", sa.Column("waiting_for", sa.String(length=100), nullable=True))
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} (waits, waiting_for) on job_items to {API}")
    op.execute(WAITING_ITEMS)
    op.execute(f"grant select (waiting_for, items) on waiting_items to {API}")


def downgrade() -> None:
    op.execute("drop view waiting_items")
    op.drop_column("job_items", "waiting_for")
    op.drop_column("job_items", "waits")
