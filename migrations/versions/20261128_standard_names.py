"""standard names: stored responses and fencing tokens."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261128_standard_names"
down_revision: str | None = "20261126_people_of_grants"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.rename_table("kept_answers", "stored_responses")
    _rename_constraints("kept_answers", "stored_responses")
    op.alter_column("job_items", "fence", new_column_name="fencing_token")


def downgrade() -> None:
    op.alter_column("job_items", "fencing_token", new_column_name="fence")
    op.rename_table("stored_responses", "kept_answers")
    _rename_constraints("stored_responses", "kept_answers")


def _rename_constraints(old: str, new: str) -> None:
    """Rename the constraints and the index of a renamed table."""
    for constraint in ("pk_{}", "ck_{}_hashes_are_hashes"):
        names = constraint.format(old), constraint.format(new)
        op.execute("alter table {} rename constraint {} to {}".format(new, *names))
    op.execute(f"alter index ix_{old}_created_at rename to ix_{new}_created_at")
