"""stored responses of requests with an idempotency key."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_kept_answers"
down_revision: str | None = "20261125_fair_turns"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "octet_length(key_sha256) = 32 and octet_length(request_sha256) = 32",
            name=op.f("ck_kept_answers_hashes_are_hashes"),
        ),
        sa.PrimaryKeyConstraint("key_sha256", name=op.f("pk_kept_answers")),
    )
    op.create_index("ix_kept_answers_created_at", "kept_answers", ["created_at"])
    op.execute("grant select, insert on kept_answers to toetsfeedback_api")
    op.execute("grant select, delete on kept_answers to toetsfeedback_worker")


def downgrade() -> None:
    op.drop_table("kept_answers")
