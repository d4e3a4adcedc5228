"""feedback epochs: a computation of other facts voids approvals, whether or not figures changed.

The epoch was raised when a computation added a snapshot. After a correction, an operator saw from
it whether a level in the correction was the stored one: then no figure had changed.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261213_feedback_epochs"
down_revision: str | None = "20261212_approved_rebuilds"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

EVENTS = ("insert", "update")


def upgrade() -> None:
    for event in EVENTS:
        op.execute(
            f"create trigger note_changed_feedback_{event} after {event} on feedback_computations"
            " referencing new table as changed_rows"
            " for each statement execute function note_changed_feedback()"
        )


def downgrade() -> None:
    for event in EVENTS:
        op.execute(f"drop trigger note_changed_feedback_{event} on feedback_computations")
