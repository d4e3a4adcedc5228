"""download grants."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_download_grants"
down_revision: str | None = "20261125_policies"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "download_grants",
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("caller_kind", sa.String(length=16), nullable=False),
        sa.Column("caller_organisation", sa.String(length=6), nullable=True),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant, nullable=True),
        sa.CheckConstraint(
            "octet_length(secret_sha256) = 32", name=op.f("ck_download_grants_secret_is_a_hash")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_download_grants_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_download_grants_school_id_schools")
        ),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_download_grants")),
    )
    op.create_index("ix_download_grants_document_id", "download_grants", ["document_id"])
    op.create_index("ix_download_grants_expires_at", "download_grants", ["expires_at"])
    op.execute("grant select, insert, update on download_grants to toetsfeedback_api")
    op.execute("grant select, delete on download_grants to toetsfeedback_worker")


def downgrade() -> None:
    op.drop_table("download_grants")
