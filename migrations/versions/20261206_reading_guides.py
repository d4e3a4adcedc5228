"""reading guides: where the bytes of the guide of each language are."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261206_reading_guides"
down_revision: str | None = "20261207_opening_epochs"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
COLUMNS = (
    "language, name, file_name, storage_key, byte_offset, byte_size, sha256, template_version,"
    " built_at"
)


def upgrade() -> None:
    op.create_table(
        "reading_guides",
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("byte_offset", sa.BigInteger(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("template_version", sa.String(length=32), nullable=False),
        sa.Column(
            "built_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "byte_offset >= 0 and byte_size > 0",
            name=op.f("ck_reading_guides_bytes_somewhere"),
        ),
        sa.PrimaryKeyConstraint("language", name=op.f("pk_reading_guides")),
    )
    # On columns: a privilege on the table as a whole would let a program lock it.
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} ({COLUMNS}) on reading_guides to {WORKER}")
    op.execute(f"grant select ({COLUMNS}) on reading_guides to {API}")


def downgrade() -> None:
    op.drop_table("reading_guides")
