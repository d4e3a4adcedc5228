"""ends of access: the client key of a token, sign-ons, and the token of a download grant.

Download grants of before have no token. They are valid for a minute, and are removed.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "20261129_ends_of_access"
down_revision: str | None = "20261129_column_privileges"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
GRANTS = "download_grants"

# Reach and gate of running downloads, of many callers in one statement: the policies of the table
# decide for each. A policy reads the caller once per statement, so that this is a function.
CAN_READ_DOCUMENT = """
create function can_read_document(client text, kind text, school text, sought uuid)
returns boolean language plpgsql volatile as $$
begin
    perform set_config('toetsfeedback.client', client, true),
            set_config('toetsfeedback.kind', kind, true),
            set_config('toetsfeedback.school', school, true);
    return exists (select from public.documents document where document.id = sought);
end
$$
"""


def grant_columns(table: str, columns: str) -> None:
    """Grant the API reads and writes of columns: a privilege on the table would let it lock it."""
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} ({columns}) on {table} to {API}")


def upgrade() -> None:
    op.create_table(
        "sign_ons",
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "school_id", name=op.f("pk_sign_ons")),
    )
    op.create_index(op.f("ix_sign_ons_expires_at"), "sign_ons", ["expires_at"])
    grant_columns("sign_ons", "subject, school_id, scopes, expires_at")
    op.execute(f"grant select, delete on sign_ons to {WORKER}")
    op.execute(f"delete from {GRANTS}")
    op.add_column(GRANTS, sa.Column("token_id", sa.String(length=128), nullable=False))
    op.add_column(GRANTS, sa.Column("token_issued_at", sa.TIMESTAMP(timezone=True), nullable=False))
    op.add_column(
        GRANTS, sa.Column("token_expires_at", sa.TIMESTAMP(timezone=True), nullable=False)
    )
    op.add_column(GRANTS, sa.Column("client_key", sa.String(length=43), nullable=True))
    grant_columns(GRANTS, "token_id, token_issued_at, token_expires_at, client_key")
    op.execute(CAN_READ_DOCUMENT)
    op.execute("revoke execute on function can_read_document from public")
    op.execute(f"grant execute on function can_read_document to {API}")


def downgrade() -> None:
    op.execute("drop function can_read_document")
    for column in ("client_key", "token_expires_at", "token_issued_at", "token_id"):
        op.drop_column(GRANTS, column)
    op.drop_table("sign_ons")
