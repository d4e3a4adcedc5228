"""purposes of mandates, for the audit log."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_purposes"
down_revision: str | None = "20261125_subjects"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CURRENT_MANDATES = """
create or replace view current_mandates as
select mandate.client, mandate.school_id, shared.product, mandate.purpose
from mandates mandate
cross join unnest(mandate.products) as shared (product)
where mandate.superseded_at is null
  and mandate.revoked_at is null
  and (now() at time zone 'Europe/Brussels')::date between mandate.from_on and mandate.until_on
"""


def upgrade() -> None:
    op.execute(CURRENT_MANDATES)


def downgrade() -> None:
    """Leave the column in the view, which policies use; the older version ignores it."""
