"""opening epochs: a commit that changes what a manifest describes voids it.

Triggers note changes of facts and of the plan in `opening_changes`, and the commit then raises the
epoch of the openings concerned that are not open yet. It takes a lock of the administration in
share mode. A verification takes the same lock alone, so that it waits for commits that do not see
it yet. Only the first change after a verification updates the row of the opening, so that commits
do not wait for each other.

A commit within five seconds before an approved opening waits until that moment has passed, and is
then a change after the opening. So a late commit never closes what has just opened.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261207_opening_epochs"
down_revision: str | None = "20261206_release_plans"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
DEFINER = "security definer set search_path = public, pg_temp"
TRIGGER = f"returns trigger language plpgsql {DEFINER}"
TRANSACTION = "pg_current_xact_id()::text::bigint"
IMMINENT = "interval '5 seconds'"

OPENING_IMMINENT = "TF001"

# A window covers the components about which it decides. The opening that ends a recall covers what
# the recall has closed.
PLANNED_COMPONENTS = """
create view planned_components as
select administration_id, product, opens_at, null::uuid as recall_id, component_id, closes_at
from deciding_windows
where place = 1 and not never and opens_at is not null and not before_plans
union all
select recall.administration_id, recall.product, recall.reopens_at, recall.id,
       decisive.component_id, max(decisive.closes_at)
from recalls recall
join deciding_windows decisive
    on decisive.administration_id = recall.administration_id
    and decisive.product = recall.product
    and decisive.place = 1 and not decisive.never and decisive.opens_at is not null
    and (recall.component_id is null or recall.component_id = decisive.component_id)
    and (recall.target_group_id is null or recall.target_group_id = decisive.target_group_id)
where recall.reopens_at is not null
group by recall.id, decisive.component_id
"""
PLANNED_COLUMNS = "administration_id, product, opens_at, recall_id, component_id, closes_at"

# A count for monitoring, for any caller.
BLOCKED_OPENINGS = """
create view blocked_openings as
select count(*) as openings from openings
where opens_at > now() - interval '1 day' and opens_at < now() + interval '1 hour'
  and coverage <> '[]' and not exists (
      select from approved_openings where approved_openings.id = openings.id
  )
"""

NOTE = f"""
    insert into opening_changes (transaction_id, administration_id, product, is_plan)
    select distinct {TRANSACTION}, {{administration}}, {{product}}, {{is_plan}} from {{rows}}
    on conflict do nothing;
    return null;
"""
SAME_CONTENT = " and ".join(
    f"former.{column} = changed.{column}"
    for column in (
        "sha256",
        "content_sha256",
        "template_version",
        "facts_revision",
        "storage_keys",
        "byte_offsets",
        "byte_sizes",
        "component_ids",
    )
)
NOTES = {
    "note_changed_facts": NOTE.format(
        administration="administration_id",
        product="null::varchar",
        is_plan="false",
        rows="changed_rows",
    ),
    "note_changed_administration": NOTE.format(
        administration="id", product="null::varchar", is_plan="false", rows="changed_rows"
    ),
    "note_changed_descriptions": NOTE.format(
        administration="component.administration_id",
        product="null::varchar",
        is_plan="false",
        rows="changed_rows changed join components component on component.id = component_id",
    ),
    "note_changed_documents": NOTE.format(
        administration="administration_id",
        product="product_of_document_kind(kind)",
        is_plan="false",
        rows="changed_rows",
    ),
    "note_replaced_documents": NOTE.format(
        administration="changed.administration_id",
        product="product_of_document_kind(changed.kind)",
        is_plan="false",
        rows=f"""changed_rows changed where not exists (
            select from former_rows former where former.id = changed.id and {SAME_CONTENT}
        )""",
    ),
    "note_changed_plan": NOTE.format(
        administration="administration_id",
        product="null::varchar",
        is_plan="true",
        rows="changed_rows",
    ),
}
# Fiches name the days of test viewing.
NOTES["note_changed_windows"] = f"""
    insert into opening_changes (transaction_id, administration_id, product, is_plan)
    select distinct {TRANSACTION}, administration_id, 'studentFeedback', false from changed_rows
    where product = 'testViewing'
    on conflict do nothing;""" + NOTES["note_changed_plan"]
FACTS = (
    "target_groups",
    "components",
    "levels",
    "participations",
    "class_groups",
    "students",
    "results",
)
PLANS = ("components", "recalls")
EVENTS = ("insert", "update", "delete")
TRIGGERS = (
    *((table, event, "note_changed_facts") for table in FACTS for event in EVENTS),
    *((table, event, "note_changed_plan") for table in PLANS for event in EVENTS),
    *(("release_windows", event, "note_changed_windows") for event in EVENTS),
    *(("administrations", event, "note_changed_administration") for event in EVENTS),
    *(("level_descriptions", event, "note_changed_descriptions") for event in EVENTS),
    ("documents", "insert", "note_changed_documents"),
    ("documents", "update", "note_replaced_documents"),
    ("documents", "delete", "note_changed_documents"),
)

LOCK = """
    insert into locks (name) values ('openings ' || {administration}) on conflict do nothing;
    perform from locks where name = 'openings ' || {administration} for {mode};
"""
SETTLE_CHANGE = f"""
create function settle_opening_change() {TRIGGER} as $$
begin
    {LOCK.format(administration="new.administration_id", mode="share")}
    if new.is_plan then
        perform refresh_openings(new.administration_id);
    else
        perform wait_for_imminent_openings(array(
            select id from openings where administration_id = new.administration_id
                and (new.product is null or product = new.product)
        ));
        update openings set epoch = epoch + 1
        where administration_id = new.administration_id
          and (new.product is null or product = new.product)
          and opens_at > clock_timestamp() and epoch = observed_epoch;
    end if;
    delete from opening_changes where id = new.id;
    return null;
end
$$
"""
WAIT_FOR_IMMINENT = f"""
create function wait_for_imminent_openings(concerned uuid[]) returns void
language plpgsql {DEFINER} as $$
declare
    moment timestamptz;
begin
    loop
        select min(opens_at) into moment from approved_openings
        where id = any (concerned) and opens_at > clock_timestamp()
          and opens_at <= clock_timestamp() + {IMMINENT};
        exit when moment is null;
        perform pg_sleep_until(moment);
    end loop;
end
$$
"""

# The number of approvals that the service asks for, when it is more than two.
APPROVALS_NEEDED = (
    "greatest(2, nullif(current_setting('toetsfeedback.approvals_needed', true), '')::smallint)"
)
PLANNED_COVERAGE = """
create function planned_coverage(opening openings) returns jsonb
language sql stable set search_path = public, pg_temp return (
    select coalesce(
        jsonb_agg(
            jsonb_build_array(component_id, extract(epoch from closes_at - opening.opens_at))
            order by component_id, closes_at
        ), '[]'
    )
    from planned_components planned
    where planned.administration_id = opening.administration_id
      and planned.product = opening.product and planned.opens_at = opening.opens_at
      and planned.recall_id is not distinct from opening.recall_id
)
"""
REFRESH_OPENINGS = f"""
create function refresh_openings(administration varchar) returns void
language plpgsql {DEFINER} as $$
declare
    person uuid := calling_person();
    changed uuid[];
begin
    insert into openings (administration_id, product, opens_at, recall_id, approvals_needed)
    select distinct administration_id, product, opens_at, recall_id, {APPROVALS_NEEDED}
    from planned_components
    where administration_id = administration and opens_at > clock_timestamp()
    on conflict do nothing;
    select array_agg(id) into changed from openings
    where administration_id = administration and opens_at > clock_timestamp()
      and coverage <> planned_coverage(openings);
    if exists (
        select from approved_openings where id = any (changed)
            and opens_at <= clock_timestamp() + {IMMINENT}
    ) then
        raise exception 'the opening is about to open, and its plan cannot be changed any more'
            using errcode = '{OPENING_IMMINENT}';
    end if;
    update openings set coverage = planned_coverage(openings), epoch = epoch + 1
    where id = any (changed) and opens_at > clock_timestamp();
    insert into opening_planners (opening_id, person_id)
    select opening, person from unnest(changed) opening where person is not null
    on conflict do nothing;
end
$$
"""

OBSERVE_OPENING = f"""
create function observe_opening(sought uuid) returns bigint
language plpgsql {DEFINER} as $$
declare
    administration varchar := (select administration_id from openings where id = sought);
    found_epoch bigint;
begin
    {LOCK.format(administration="administration", mode="update")}
    update openings set observed_epoch = epoch where id = sought and opens_at > clock_timestamp()
    returning epoch into found_epoch;
    return found_epoch;
end
$$
"""
RAISE_EPOCH = f"""
create function raise_opening_epoch(sought uuid) returns boolean
language sql {DEFINER} as $$
    update openings set epoch = epoch + 1
    where id = sought and opens_at > clock_timestamp() and epoch = observed_epoch
    returning true
$$
"""
# The manifest of an epoch that is over is not added; one that is equal to the latest is that one.
ADD_MANIFEST = f"""
create function add_manifest(
    sought uuid, made_in_epoch bigint, components integer[], made_content bytea,
    made_signature text, made_counts jsonb, findings jsonb
) returns uuid language plpgsql {DEFINER} as $$
declare
    opening openings;
    latest manifests;
    added uuid;
begin
    select * into opening from openings where id = sought for update;
    if not found or opening.epoch <> made_in_epoch or opening.opens_at <= clock_timestamp() then
        return null;
    end if;
    select * into latest from manifests where opening_id = sought order by number desc limit 1;
    if latest.epoch = made_in_epoch and latest.content_hash = sha256(made_content) then
        return latest.id;
    end if;
    insert into manifests (opening_id, number, epoch, component_ids, is_complete, content,
                           content_hash, signature, counts)
    values (sought, coalesce(latest.number, 0) + 1, made_in_epoch, components,
            not jsonb_path_exists(findings, '$[*] ? (@.kind == "fault")'), made_content,
            sha256(made_content), made_signature, made_counts)
    returning id into added;
    insert into manifest_findings (manifest_id, kind, code, school_id, student_id, document_id)
    select added, kind, code, school_id, student_id, document_id
    from jsonb_populate_recordset(null::manifest_findings, findings);
    return added;
end
$$
"""

# The result is 'approved', or the reason for a refusal.
APPROVE_OPENING = f"""
create function approve_opening(sought uuid, hash bytea, lifetime interval) returns text
language plpgsql {DEFINER} as $$
declare
    approver record;
    opening openings;
    manifest record;
begin
    select id, person_id into approver from clients
    where id::text = current_setting('toetsfeedback.client', true)
      and current_setting('toetsfeedback.kind', true) = 'operator'
      and kind = 'operator' and state = 'active' and 'releases:approve' = any (scopes) for share;
    if not found then
        return 'notEntitled';
    end if;
    select * into opening from openings where id = sought for update;
    if opening.opens_at <= clock_timestamp() then
        return 'openingPassed';
    elsif exists (
        select from opening_planners
        where opening_id = sought and person_id = approver.person_id
    ) then
        return 'plannedBySamePerson';
    end if;
    select id, epoch, content_hash, is_complete into manifest from manifests
    where opening_id = sought order by number desc limit 1;
    if not found or manifest.epoch <> opening.epoch or manifest.content_hash <> hash then
        return 'manifestOutdated';
    elsif not manifest.is_complete then
        return 'manifestIncomplete';
    end if;
    insert into opening_approvals as earlier
        (manifest_id, person_id, client_id, manifest_hash, approved_at, expires_at)
    values (manifest.id, approver.person_id, approver.id, hash, clock_timestamp(),
            clock_timestamp() + lifetime)
    on conflict (manifest_id, person_id) do update
        set client_id = excluded.client_id, approved_at = excluded.approved_at,
            expires_at = excluded.expires_at, voided_at = null
        where earlier.voided_at is not null or earlier.expires_at <= opening.opens_at;
    return case when found then 'approved' else 'alreadyApproved' end;
end
$$
"""

# The approvals of a person that has no entitled client any more. Those of an opening whose moment
# has come stay as they are.
VOID_APPROVALS = f"""
create function void_approvals() {TRIGGER} as $$
begin
    if exists (
        select from clients where person_id = old.person_id and kind = 'operator'
            and state = 'active' and 'releases:approve' = any (scopes)
    ) then
        return null;
    end if;
    perform wait_for_imminent_openings(array(
        select manifest.opening_id from opening_approvals approval
        join manifests manifest on manifest.id = approval.manifest_id
        where approval.person_id = old.person_id
    ));
    update opening_approvals approval set voided_at = clock_timestamp()
    from manifests manifest join openings opening on opening.id = manifest.opening_id
    where manifest.id = approval.manifest_id and approval.person_id = old.person_id
      and approval.voided_at is null and opening.opens_at > clock_timestamp();
    return null;
end
$$
"""
SETTLE_TRIGGER = """
create constraint trigger settle_opening_change after insert on opening_changes
deferrable initially deferred for each row execute function settle_opening_change()
"""
CLIENTS_TRIGGER = """
create trigger void_approvals after update of state, scopes, person_id on clients
for each row when (old.person_id is not null) execute function void_approvals()
"""

FUNCTIONS = {
    "observe_opening": WORKER,
    "raise_opening_epoch": WORKER,
    "add_manifest": WORKER,
    "approve_opening": API,
    "planned_coverage": None,
    "refresh_openings": None,
    "wait_for_imminent_openings": None,
    "settle_opening_change": None,
    "void_approvals": None,
    **dict.fromkeys(NOTES),
}


def upgrade() -> None:
    op.execute(PLANNED_COMPONENTS)
    op.execute(f"grant select ({PLANNED_COLUMNS}) on planned_components to {API}")
    op.execute(f"grant select on planned_components to {WORKER}")
    op.execute(BLOCKED_OPENINGS)
    op.execute(f"grant select (openings) on blocked_openings to {API}")
    _create_changes()
    for name, body in NOTES.items():
        op.execute(f"create function {name}() {TRIGGER} as $$\nbegin{body}end\n$$")
    functions = (
        *(WAIT_FOR_IMMINENT, PLANNED_COVERAGE, REFRESH_OPENINGS, SETTLE_CHANGE),
        *(OBSERVE_OPENING, RAISE_EPOCH, ADD_MANIFEST, APPROVE_OPENING, VOID_APPROVALS),
    )
    for function in functions:
        op.execute(function)
    for name, program in FUNCTIONS.items():
        op.execute(f"revoke execute on function {name} from public")
        if program is not None:
            op.execute(f"grant execute on function {name} to {program}")
    op.execute(SETTLE_TRIGGER)
    op.execute(CLIENTS_TRIGGER)
    for table, event, function in TRIGGERS:
        op.execute(_note_trigger(table, event, function))
    op.execute("select refresh_openings(id) from administrations")


def downgrade() -> None:
    op.execute("set constraints all immediate")
    for table, event, function in TRIGGERS:
        op.execute(f"drop trigger {function}_{event} on {table}")
    op.execute("drop trigger void_approvals on clients")
    op.execute("drop trigger settle_opening_change on opening_changes")
    for name in FUNCTIONS:
        op.execute(f"drop function {name}")
    op.drop_table("opening_changes")
    op.execute("drop view blocked_openings")
    op.execute("drop view planned_components")


def _note_trigger(table: str, event: str, function: str) -> str:
    rows = "old table as changed_rows" if event == "delete" else "new table as changed_rows"
    if function == "note_replaced_documents":
        rows = f"old table as former_rows {rows}"
    return (
        f"create trigger {function}_{event} after {event} on {table} referencing {rows}"
        f" for each statement execute function {function}()"
    )


def _create_changes() -> None:
    op.create_table(
        "opening_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("product", sa.String(length=32), nullable=True),
        sa.Column("is_plan", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_changes")),
    )
    op.create_index(
        "uq_opening_changes_scope",
        "opening_changes",
        ["transaction_id", "administration_id", "product", "is_plan"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.execute("alter table opening_changes enable row level security")
