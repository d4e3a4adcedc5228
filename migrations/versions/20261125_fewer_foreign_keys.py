"""fewer foreign keys: columns that repeat those of a referenced row are checked there."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_fewer_foreign_keys"
down_revision: str | None = "20261125_print"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

REPEATED_KEYS = (
    ("students", "administration_id", "administrations"),
    ("students", "school_id", "schools"),
    ("results", "administration_id", "administrations"),
    ("results", "school_id", "schools"),
    ("scale_scores", "school_id", "schools"),
    ("item_results", "school_id", "schools"),
    ("documents", "administration_id", "administrations"),
    ("documents", "school_id", "schools"),
)
PARTICIPATION = ["administration_id", "school_id"]


def upgrade() -> None:
    for table, column, _ in REPEATED_KEYS:
        op.drop_constraint(f"fk_{table}_{column}", table)
    op.create_foreign_key(
        "fk_documents_administration_id_school_id",
        "documents",
        "participations",
        PARTICIPATION,
        PARTICIPATION,
    )


def downgrade() -> None:
    op.drop_constraint("fk_documents_administration_id_school_id", "documents")
    for table, column, referred in REPEATED_KEYS:
        op.create_foreign_key(f"fk_{table}_{column}", table, referred, [column], ["id"])
