"""INSZ key: its check value; and codes of deliveries in the form in which they are compared.

A code that would become equal to another one stays as it is, until the next full delivery.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_insz_key"
down_revision: str | None = "20261130_resumed_downloads"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WORKER, IMPORTER = "toetsfeedback_worker", "toetsfeedback_importer"
OPERATOR = "toetsfeedback_operator"

CODES = (
    ("target_groups", "code", ("administration_id",)),
    ("components", "code", ("administration_id",)),
    ("class_groups", "name", ("administration_id", "school_id")),
    ("students", "delivered_as", ("administration_id", "school_id")),
)
BLANKS = r"[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
INVISIBLE = (
    r"[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)


def folded(column: str) -> str:
    visible = f"regexp_replace(normalize({column}, nfc), '{INVISIBLE}', '', 'g')"
    return f"btrim(regexp_replace({visible}, '{BLANKS}', ' ', 'g'))"


def upgrade() -> None:
    op.create_table(
        "insz_key",
        sa.Column(
            "id",
            sa.SmallInteger(),
            server_default=sa.text("1"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("check_value", sa.LargeBinary(), nullable=False),
        sa.Column(
            "stored_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_insz_key_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insz_key")),
    )
    op.execute(f"grant select, insert on insz_key to {WORKER}, {IMPORTER}")
    op.execute(f"grant select on insz_key to {OPERATOR}")
    for table, column, scope in CODES:
        same_scope = " and ".join(f"other.{name} = stored.{name}" for name in scope)
        op.execute(f"""
            update {table} stored set {column} = {folded(f"stored.{column}")}
            where {column} <> {folded(f"stored.{column}")} and not exists (
                select from {table} other where {same_scope} and other.id <> stored.id
                  and {folded(f"other.{column}")} = {folded(f"stored.{column}")}
            )
        """)


def downgrade() -> None:
    op.drop_table("insz_key")
