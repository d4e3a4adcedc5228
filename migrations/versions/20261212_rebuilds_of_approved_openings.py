"""rebuilds of approved openings: a delivery that commits after an opening requests rebuilds, too.

The gate was asked as of the beginning of its transaction. A delivery that began just before an
opening and committed after it left its schools with outdated documents, which nobody built again.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261212_approved_rebuilds"
down_revision: str | None = "20261211_registering_persons"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OF_DOCUMENTS = "product in ('studentFeedback', 'schoolFeedback')"
RELEASED = f"""exists (
          select from released_components
          where administration_id = administration and {OF_DOCUMENTS}
      )"""
APPROVED = f"""exists (
          select from approved_openings
          where administration_id = administration and {OF_DOCUMENTS}
      )"""
REQUEST_REBUILDS = """
create or replace function request_rebuilds(administration varchar, schools varchar[])
returns void language sql security definer set search_path = public, pg_temp as $$
    insert into rebuild_requests as requested (administration_id, school_id)
    select part.administration_id, part.school_id from participations part
    where part.administration_id = administration and part.school_id = any (schools)
      and part.removed_at is null
      and ({condition})
      and exists (select from documents where documents.administration_id = administration)
    order by part.school_id
    on conflict (administration_id, school_id) do update
        set job_id = null, requested_at = excluded.requested_at
$$
"""


def upgrade() -> None:
    op.execute(REQUEST_REBUILDS.format(condition=f"{RELEASED} or {APPROVED}"))


def downgrade() -> None:
    op.execute(REQUEST_REBUILDS.format(condition=RELEASED))
