"""recalls for importers: programs that import read which recalls are active.

A delivery that moves a component out of a recalled target group would release it, so it is refused.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261216_recalls_for_importers"
down_revision: str | None = "20261215_withdrawn_openings"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ROLES = "toetsfeedback_importer, toetsfeedback_worker"


def upgrade() -> None:
    op.execute(f"grant select on active_recalls to {ROLES}")


def downgrade() -> None:
    op.execute(f"revoke select on active_recalls from {ROLES}")
