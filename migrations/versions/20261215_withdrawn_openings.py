"""withdrawn openings: one that nobody approved in time is withdrawn, once no plan has it any more.

It stayed blocked, and in the number of blocked openings, for a day after the plan gave a later
moment.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261215_withdrawn_openings"
down_revision: str | None = "20261214_inline_feedback"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# An opening that was approved in time stays open, whatever the plan says later.
WITHDRAW = """
    update openings set coverage = '[]'
    where {scope} opens_at <= clock_timestamp() and coverage <> '[]'
      and planned_coverage(openings) = '[]'
      and not exists (select from approved_openings where approved_openings.id = openings.id);
"""
REFRESH_OPENINGS = """
create or replace function refresh_openings(administration varchar) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    person uuid := calling_person();
    changed uuid[];
begin
    insert into openings (administration_id, product, opens_at, recall_id, approvals_needed)
    select distinct administration_id, product, opens_at, recall_id,
        greatest(2, nullif(current_setting('toetsfeedback.approvals_needed', true), '')::smallint)
    from planned_components
    where administration_id = administration and opens_at > clock_timestamp()
    on conflict do nothing;
    select array_agg(id) into changed from openings
    where administration_id = administration and opens_at > clock_timestamp()
      and coverage <> planned_coverage(openings);
    if exists (
        select from approved_openings where id = any (changed)
            and opens_at <= clock_timestamp() + interval '5 seconds'
    ) then
        raise exception 'the opening is about to open, and its plan cannot be changed any more'
            using errcode = 'TF001';
    end if;
    update openings set coverage = planned_coverage(openings), epoch = epoch + 1
    where id = any (changed) and opens_at > clock_timestamp();
    insert into opening_planners (opening_id, person_id)
    select opening, person from unnest(changed) opening where person is not null
    on conflict do nothing;{withdraw}
end
$$
"""


def upgrade() -> None:
    withdraw = WITHDRAW.format(scope="administration_id = administration and")
    op.execute(REFRESH_OPENINGS.format(withdraw=withdraw.rstrip()))
    op.execute(WITHDRAW.format(scope=""))


def downgrade() -> None:
    op.execute(REFRESH_OPENINGS.format(withdraw=""))
