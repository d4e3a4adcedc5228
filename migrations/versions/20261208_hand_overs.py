"""hand-overs and declarations: what schools gave to families, and what they declare.

The API inserts and reads rows of the caller's own school; it changes and removes none. A hand-over
needs a fiche that the caller can read in that moment: the policy asks `documents`, whose own policy
decides about reach, gate and revision. The moments of recording are those of the transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision: str = "20261208_hand_overs"
down_revision: str | None = "20261207_reads_over_years"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"

ACTING = "(select current_setting('toetsfeedback.{}', true))"
IS_OWN = f"{ACTING.format('kind')} = 'school' and school_id = {ACTING.format('school')}"
HAS_FICHE = """exists (
    select from documents fiche
    where fiche.kind = 'fiche' and fiche.student_id = hand_overs.student_id
      and fiche.school_id = hand_overs.school_id
      and fiche.content_sha256 = hand_overs.content_sha256
)"""

# The columns of each table, and what a row to be added has to fulfil.
COLUMNS = {
    "hand_overs": (
        "id, school_id, student_id, number, content_sha256, means, handed_over_on, recorded_at"
    ),
    "hand_over_withdrawals": "hand_over_id, school_id, withdrawn_at",
    "declarations": "id, school_id, school_year, number, declared_on, recorded_at",
    "declaration_withdrawals": "declaration_id, school_id, withdrawn_at",
}
ADDED = {
    "hand_overs": f"{IS_OWN} and recorded_at = now() and {HAS_FICHE}",
    "hand_over_withdrawals": f"{IS_OWN} and withdrawn_at = now()",
    "declarations": f"{IS_OWN} and recorded_at = now()",
    "declaration_withdrawals": f"{IS_OWN} and withdrawn_at = now()",
}
NOT_IN_ADVANCE = "{} <= (recorded_at at time zone 'Europe/Brussels')::date"


def upgrade() -> None:
    _create_hand_overs()
    _create_declarations()
    _create_withdrawals("hand_over")
    _create_withdrawals("declaration")
    for table, columns in COLUMNS.items():
        for privilege in ("select", "insert"):
            op.execute(f"grant {privilege} ({columns}) on {table} to {API}")
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy seen on {table} for select to {API} using ({IS_OWN})")
        op.execute(
            f"create policy added on {table} for insert to {API} with check ({ADDED[table]})"
        )


def downgrade() -> None:
    for table in reversed(COLUMNS):
        op.drop_table(table)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)


def _moment(name: str) -> sa.Column[datetime]:
    moment = sa.TIMESTAMP(timezone=True)
    return sa.Column(name, moment, server_default=sa.text("now()"), nullable=False)


def _create_hand_overs() -> None:
    op.create_table(
        "hand_overs",
        _id(),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("means", sa.String(length=16), nullable=False),
        sa.Column("handed_over_on", sa.Date(), nullable=False),
        _moment("recorded_at"),
        sa.PrimaryKeyConstraint("id", "school_id", name=op.f("pk_hand_overs")),
        sa.UniqueConstraint("student_id", "number", name=op.f("uq_hand_overs_student_id_number")),
        sa.ForeignKeyConstraint(
            ["student_id"],
            ["students.id"],
            name=op.f("fk_hand_overs_student_id"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "means in ('digital', 'printed')", name=op.f("ck_hand_overs_means_known")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_hand_overs_numbers_from_one")),
        sa.CheckConstraint(
            NOT_IN_ADVANCE.format("handed_over_on"), name=op.f("ck_hand_overs_not_in_advance")
        ),
    )


def _create_declarations() -> None:
    op.create_table(
        "declarations",
        _id(),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("school_year", sa.String(length=9), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("declared_on", sa.Date(), nullable=False),
        _moment("recorded_at"),
        sa.PrimaryKeyConstraint("id", "school_id", name=op.f("pk_declarations")),
        sa.UniqueConstraint(
            "school_id",
            "school_year",
            "number",
            name=op.f("uq_declarations_school_id_school_year_number"),
        ),
        sa.CheckConstraint(
            "school_id ~ '^[0-9]{6}$'", name=op.f("ck_declarations_school_id_six_digits")
        ),
        sa.CheckConstraint(
            "school_year ~ '^[0-9]{4}-[0-9]{4}$'",
            name=op.f("ck_declarations_school_year_two_years"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_declarations_numbers_from_one")),
        sa.CheckConstraint(
            NOT_IN_ADVANCE.format("declared_on"), name=op.f("ck_declarations_not_in_advance")
        ),
    )


def _create_withdrawals(noun: str) -> None:
    table, column = f"{noun}_withdrawals", f"{noun}_id"
    op.create_table(
        table,
        sa.Column(column, sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        _moment("withdrawn_at"),
        sa.PrimaryKeyConstraint(column, "school_id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            [column, "school_id"],
            [f"{noun}s.id", f"{noun}s.school_id"],
            name=op.f(f"fk_{table}_{column}_school_id"),
            ondelete="CASCADE",
        ),
    )
