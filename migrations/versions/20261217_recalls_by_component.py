"""recalls by component: an opening ends a recall for the components of its manifest alone.

A component that had no part in the manifest, because the plan closed it or a delivery had removed
it, opened at once when it came back. Now it stays recalled until a later opening has it. And a plan
is about to open from the start of the transaction that changes it, not from the change.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261217_recalls_by_component"
down_revision: str | None = "20261216_recalls_for_importers"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
IMPORTERS = "toetsfeedback_importer, toetsfeedback_worker"

# The opening that ends a recall, and later ones: those that approvers have seen since. The opening
# that ends the recall of a school has nothing to say about others.
ENDED_RECALLS = """
create view ended_recalls as
select ending.recall_id, unnest(later.component_ids) as component_id
from effective_openings ending
join effective_openings later
    on later.administration_id = ending.administration_id
    and later.product = ending.product and later.opens_at >= ending.opens_at
where ending.recall_id is not null and not exists (
    select from recalls other
    where other.id = later.recall_id and other.id <> ending.recall_id
      and other.school_id is not null
)
"""
RELEASED_COMPONENTS = """
create or replace view released_components as
select administration_id, product, component_id from opened_components opened
where not exists (
    select from {recalls} recall
    where recall.administration_id = opened.administration_id
      and recall.product = opened.product
      and recall.school_id is null
      and (recall.component_id is null or recall.component_id = opened.component_id)
      and (recall.target_group_id is null or recall.target_group_id = opened.target_group_id)
      {unless_ended}
)
"""
UNLESS_ENDED = """and not exists (
          select from ended_recalls ended
          where ended.recall_id = recall.id and ended.component_id = opened.component_id
      )"""

RECALLS_WITH_ENDS = """
create view recalls_with_ends as
select id, administration_id, product, target_group_id, component_id, school_id,
       exists (select from active_recalls active where active.id = recalls.id) as is_active,
       array(select ended.component_id from ended_recalls ended
             where ended.recall_id = recalls.id) as ended_for
from recalls
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
    where administration_id = administration and opens_at > {since}
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
    on conflict do nothing;
    update openings set coverage = '[]'
    where administration_id = administration and opens_at <= clock_timestamp() and coverage <> '[]'
      and planned_coverage(openings) = '[]'
      and not exists (select from approved_openings where approved_openings.id = openings.id);
end
$$
"""


def upgrade() -> None:
    op.execute(ENDED_RECALLS)
    op.execute(f"grant select (recall_id, component_id) on ended_recalls to {API}")
    op.execute(RECALLS_WITH_ENDS)
    op.execute(f"grant select on recalls_with_ends to {IMPORTERS}")
    op.execute(RELEASED_COMPONENTS.format(recalls="recalls", unless_ended=UNLESS_ENDED))
    op.execute(REFRESH_OPENINGS.format(since="now()"))


def downgrade() -> None:
    op.execute(RELEASED_COMPONENTS.format(recalls="active_recalls", unless_ended=""))
    op.execute(REFRESH_OPENINGS.format(since="clock_timestamp()"))
    op.execute("drop view recalls_with_ends")
    op.execute("drop view ended_recalls")
