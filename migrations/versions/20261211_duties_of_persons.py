"""duties of persons: a duty can be that of a person for whom a portal acts, by their pseudonym.

The desk of a caller is that of its client and its person. A duty without a person is that of a
client which acts for nobody, as before.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261211_duties_of_persons"
down_revision: str | None = "20261211_pending_events"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
DESK_SLOTS = """
create or replace function desk_slots_at(moment timestamptz) returns uuid[] language sql stable
security definer set search_path = public, pg_temp
return (
    select coalesce(array_agg(slot.id), '{{}}')
    from viewing_duties duty
    join viewing_slots slot on slot.location_id = duty.location_id and slot.day = duty.day
    where current_setting('toetsfeedback.kind', true) = 'officer'
      and duty.client_id::text = current_setting('toetsfeedback.client', true){of_person}
      and duty.withdrawn_at is null
      and (slot.day = (moment at time zone 'Europe/Brussels')::date
           or is_within_viewing_slot(slot.id, moment))
)
"""
OF_PERSON = """
      and coalesce(duty.subject, '') = coalesce(current_setting('toetsfeedback.subject', true), '')
"""


def upgrade() -> None:
    op.add_column("viewing_duties", sa.Column("subject", sa.String(length=128), nullable=True))
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} (subject) on viewing_duties to {API}")
    op.execute(DESK_SLOTS.format(of_person=OF_PERSON.rstrip()))


def downgrade() -> None:
    op.execute(DESK_SLOTS.format(of_person=""))
    op.drop_column("viewing_duties", "subject")
