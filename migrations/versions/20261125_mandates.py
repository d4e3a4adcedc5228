"""mandates, and the view of those in force."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_mandates"
down_revision: str | None = "20261123_chain"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CURRENT = sa.text("superseded_at is null")

CURRENT_MANDATES = """
create view current_mandates as
select mandate.client, mandate.school_id, shared.product
from mandates mandate
cross join unnest(mandate.products) as shared (product)
where mandate.superseded_at is null
  and mandate.revoked_at is null
  and (now() at time zone 'Europe/Brussels')::date between mandate.from_on and mandate.until_on
"""

IMMUTABLE_VERSIONS = """
create function refuse_rewritten_mandate() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.superseded_at is null and new.superseded_at is not null
       and to_jsonb(old) - 'superseded_at' = to_jsonb(new) - 'superseded_at' then
        return new;
    end if;
    raise exception 'a version of a mandate is superseded once, and never changed or removed';
end
$$;
create trigger mandates_never_rewritten before update or delete on mandates
    for each row execute function refuse_rewritten_mandate()
"""


def upgrade() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("products", sa.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column(
            "decided_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.String(length=128), nullable=False),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("superseded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "school_id ~ '^[0-9]{6}$'", name=op.f("ck_mandates_school_id_six_digits")
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_mandates_from_before_until")),
        sa.CheckConstraint("cardinality(products) > 0", name=op.f("ck_mandates_shares_products")),
        sa.CheckConstraint(
            "products <@ array['studentFeedback', 'schoolFeedback']::varchar[]",
            name=op.f("ck_mandates_products_known"),
        ),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_mandates")),
    )
    op.create_index(
        "uq_mandates_current", "mandates", ["id"], unique=True, postgresql_where=CURRENT
    )
    op.create_index(
        "ix_mandates_client", "mandates", ["client", "school_id"], postgresql_where=CURRENT
    )
    op.create_index("ix_mandates_school_id", "mandates", ["school_id"])
    op.execute(CURRENT_MANDATES)
    op.execute(IMMUTABLE_VERSIONS)


def downgrade() -> None:
    op.execute("drop view current_mandates")
    op.drop_table("mandates")
    op.execute("drop function refuse_rewritten_mandate()")
