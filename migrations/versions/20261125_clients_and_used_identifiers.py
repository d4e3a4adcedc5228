"""clients: registered clients with keys, used identifiers and revoked tokens."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_clients"
down_revision: str | None = "20261125_kept_answers"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER, OPERATOR = "toetsfeedback_api", "toetsfeedback_worker", "toetsfeedback_operator"
PRIVILEGES = {
    API: {
        "clients": "select, insert, update",
        "client_keys": "select, insert, delete",
        "used_identifiers, revoked_tokens": "select, insert",
    },
    WORKER: {"used_identifiers, revoked_tokens": "select, delete"},
    OPERATOR: {
        "clients": "select, insert, update",
        "client_keys": "select, insert, delete",
    },
}
INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "state", sa.String(length=16), server_default=sa.text("'active'"), nullable=False
        ),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind in ('portal', 'integrator', 'operator')", name=op.f("ck_clients_kind_known")
        ),
        sa.CheckConstraint("state in ('active', 'suspended')", name=op.f("ck_clients_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("name", name=op.f("uq_clients_name")),
    )
    op.create_table(
        "client_keys",
        sa.Column("thumbprint", sa.String(length=43), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("added_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_client_keys_client_id")
        ),
        sa.PrimaryKeyConstraint("thumbprint", name=op.f("pk_client_keys")),
    )
    op.create_index(op.f("ix_client_keys_client_id"), "client_keys", ["client_id"])
    op.create_table(
        "used_identifiers",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used_identifiers")),
    )
    op.create_index(op.f("ix_used_identifiers_expires_at"), "used_identifiers", ["expires_at"])
    op.create_table(
        "revoked_tokens",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revoked_tokens")),
    )
    op.create_index(op.f("ix_revoked_tokens_expires_at"), "revoked_tokens", ["expires_at"])
    for role, rights in PRIVILEGES.items():
        for tables, names in rights.items():
            op.execute(f"grant {names} on {tables} to {role}")


def downgrade() -> None:
    op.drop_table("revoked_tokens")
    op.drop_table("used_identifiers")
    op.drop_table("client_keys")
    op.drop_table("clients")
