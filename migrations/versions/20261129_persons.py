"""persons: each client of an operator belongs to one, and several agree on what a client can do.

The upgrade suspends the clients of operators, as nobody knows to whom they belong; register persons
with new ones. Only the API still writes clients, keys and release windows.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261129_persons"
down_revision: str | None = "20261129_equal_refusals"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, OPERATOR = "toetsfeedback_api", "toetsfeedback_operator"
RIGHTS = {
    "persons": "select, insert",
    "client_changes": "select, insert, update",
    "client_change_approvals": "select, insert",
}
FORMER_RIGHTS = {
    "clients": "insert, update",
    "client_keys": "insert, delete",
    "release_windows": "insert, update",
}
IS_OPERATOR = "(select current_setting('toetsfeedback.kind', true)) = 'operator'"
INSTANT = postgresql.TIMESTAMP(timezone=True)
HAS_PERSON = (
    "case when kind = 'operator' then person_id is not null or state = 'suspended'"
    " else person_id is null end"
)
KINDS = "'registerPerson', 'registerClient', 'addKey', 'changeScopes', 'activateClient'"


def upgrade() -> None:
    _create_persons()
    op.execute("update clients set state = 'suspended' where kind = 'operator'")
    op.add_column("clients", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_clients_person_id"), "clients", "persons", ["person_id"], ["id"])
    op.create_index(op.f("ix_clients_person_id"), "clients", ["person_id"])
    op.create_check_constraint(op.f("ck_clients_operator_has_person"), "clients", HAS_PERSON)
    _create_changes()
    _create_approvals()
    for table, rights in RIGHTS.items():
        _protect(table, rights)
    for table, rights in FORMER_RIGHTS.items():
        op.execute(f"revoke {rights} on {table} from {OPERATOR}")


def downgrade() -> None:
    for table, rights in FORMER_RIGHTS.items():
        op.execute(f"grant {rights} on {table} to {OPERATOR}")
    op.drop_table("client_change_approvals")
    op.drop_table("client_changes")
    op.drop_constraint(op.f("ck_clients_operator_has_person"), "clients")
    op.drop_index(op.f("ix_clients_person_id"), table_name="clients")
    op.drop_constraint(op.f("fk_clients_person_id"), "clients")
    op.drop_column("clients", "person_id")
    op.drop_table("persons")


def _create_persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("name", name=op.f("uq_persons_name")),
    )


def _create_changes() -> None:
    def reference(name: str, table: str) -> sa.ForeignKeyConstraint:
        key = op.f(f"fk_client_changes_{name}")
        return sa.ForeignKeyConstraint([name], [f"{table}.id"], name=key)

    op.create_table(
        "client_changes",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("takes_effect_at", INSTANT, nullable=True),
        sa.Column("applied_at", INSTANT, nullable=True),
        sa.Column("rejected_at", INSTANT, nullable=True),
        sa.CheckConstraint(f"kind in ({KINDS})", name=op.f("ck_client_changes_kind_known")),
        sa.CheckConstraint(
            "applied_at is null or rejected_at is null", name=op.f("ck_client_changes_one_end")
        ),
        sa.CheckConstraint(
            "applied_at is null or applied_at >= takes_effect_at",
            name=op.f("ck_client_changes_applied_after_agreement"),
        ),
        reference("client_id", "clients"),
        reference("person_id", "persons"),
        reference("requested_by", "persons"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_changes")),
    )


def _create_approvals() -> None:
    table = "client_change_approvals"
    op.create_table(
        table,
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("approved_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"], ["client_changes.id"], name=op.f(f"fk_{table}_change_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f(f"fk_{table}_person_id")),
        sa.PrimaryKeyConstraint("change_id", "person_id", name=op.f(f"pk_{table}")),
    )


def _protect(table: str, rights: str) -> None:
    """Give the API its rights, while it acts for an operator."""
    op.execute(f"grant {rights} on {table} to {API}")
    op.execute(f"alter table {table} enable row level security")
    op.execute(
        f"create policy operators on {table} to {API} using ({IS_OPERATOR})"
        f" with check ({IS_OPERATOR})"
    )
