"""pending events: an event of many schools is one row first, and appended to their chains later.

A recall appended its event to the chain of each school in its own transaction, which took seconds
for all schools of Flanders, and waited for their reads. The table of refusals that wait for their
chain now has such events too, with the schools in whose chains they come.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261211_pending_events"
down_revision: str | None = "20261209_subjects_of_own_school"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER = "toetsfeedback_importer"
DEFINER = "security definer set search_path = public, pg_temp"
EARLIER_TABLE, TABLE = "pending_refusals", "pending_audit_events"
EARLIER_APPEND, APPEND = "append_pending_refusals", "append_pending_events"
CHECKS = ("caller_kind_known", "codes_are_words", "resource_is_a_path", "texts_are_plain")
EARLIER_BATCH, BATCH = 10_000, 100

COLUMNS = (
    "occurred_at, organisation, client, caller_kind, caller_organisation, caller_subject,"
    " action, resource, outcome, rule, trace_id, purpose, students"
)


def _of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in COLUMNS.split(", "))


COMPLETE_EVENT = """
    if students <> array(
        select student from unnest(students) student where student is not null
    ) then
        raise check_violation using message = 'students of an event are a list without nulls';
    end if;
    event.occurred_at := now();
    event.students := students;
    event.purpose := purpose;
    event.action := action;
    event.resource := resource;
    event.outcome := outcome;
    event.rule := rule;
    event.trace_id := trace_id;"""
APPEND_EVENT = f"""
create or replace function append_audit_event(
    organisation text, students uuid[], document uuid, claimed_client uuid, purpose text,
    action text, resource text, outcome text, rule text, trace_id text
) returns uuid[] language plpgsql {DEFINER} as $$
declare
    event audit_events := audit_caller(claimed_client);
begin{COMPLETE_EVENT}
    event.organisation := organisation;
    if event.outcome = 'refused' then
        insert into {{table}} (document_id, {COLUMNS}) select document, {_of("(event)")};
        return null;
    end if;
    event := complete_audit_subjects(event, document);
    perform require_plausible_audit_event(event);
    perform chain_audit_event(event);
    return case when document is not null then event.students end;
end
$$
"""

# A caller of one school, or of those that mandated it, has no event in the chains of others.
APPEND_LATER = f"""
create function append_audit_event_later(
    schools varchar[], students uuid[], purpose text,
    action text, resource text, outcome text, rule text, trace_id text
) returns void language plpgsql {DEFINER} as $$
declare
    event audit_events := audit_caller(null);
begin{COMPLETE_EVENT}
    perform require_plausible_audit_event(event);
    if event.caller_kind not in ('operator', 'service') then
        raise insufficient_privilege using message = format(
            'a caller of kind %s cannot have an event of many schools', event.caller_kind
        );
    end if;
    if cardinality(schools) = 1 then
        event.organisation := schools[1];
        schools := null;
    end if;
    insert into {TABLE} (schools, {COLUMNS}) select schools, {_of("(event)")};
end
$$
"""

# An event of many schools becomes a row for each of them.
DIVIDE = f"""
    if exists (select from {TABLE} where schools is not null) then
        with divided as (
            delete from {TABLE} where id in (
                select id from {TABLE} where schools is not null order by id for update
            ) returning *
        )
        insert into {TABLE} ({COLUMNS})
        select {_of("divided").replace("divided.organisation", "unnest(divided.schools)")}
        from divided order by divided.id;
    end if;"""


# Rows that another transaction appends are skipped for all schools, and awaited for one, which is
# about to read its audit log. All rows are locked before the first chain, and the chains are locked
# in their order. They stay locked until the commit, so that all schools come a few rows at a time.
# What is stored between the division and the selection is divided next time.
def _append_pending(name: str, table: str, batch: int, divide: str) -> str:
    divided = "schools is null" if divide else "true"
    return f"""
create function {name}(school text) returns integer language plpgsql {DEFINER} as $$
declare
    pending bigint[];
    waiting {table};
    event audit_events;
    completed audit_events[] := '{{}}';
begin{divide}
    if school is null then
        pending := array(
            select id from {table} where {divided}
            order by id limit {batch} for update skip locked
        );
    else
        pending := array(
            select id from {table} waits
            where organisation = school or organisation is null and {divided} and (
                document_id in (
                    select id from documents where id = waits.document_id and school_id = school)
                or students[1] in (
                    select id from students where id = waits.students[1] and school_id = school)
            )
            order by id for update
        );
    end if;
    for waiting in delete from {table} where id = any (pending) returning * loop
        select {_of("waiting")} into {_of("event")};
        event := complete_audit_subjects(event, waiting.document_id);
        if not exists (select from schools where id = event.organisation) then
            event.organisation := null;  -- no chain for a school that does not exist
        end if;
        completed := completed || event;
    end loop;
    for event in
        select * from unnest(completed)
        order by coalesce(organisation, '') collate "C", occurred_at
    loop
        perform chain_audit_event(event);
    end loop;
    return cardinality(completed);
end
$$
"""


def upgrade() -> None:
    _rename(EARLIER_TABLE, TABLE)
    op.execute(f"alter table {TABLE} add column schools varchar(6)[]")
    _replace_append_function(EARLIER_APPEND, APPEND, TABLE, BATCH, DIVIDE)
    op.execute(APPEND_LATER)
    op.execute("revoke execute on function append_audit_event_later from public")
    op.execute(f"grant execute on function append_audit_event_later to {API}, {IMPORTER}")


def downgrade() -> None:
    op.execute(f"do $$ begin while {APPEND}(null) > 0 loop end loop; end $$")
    op.execute("drop function append_audit_event_later")
    op.execute(f"alter table {TABLE} drop column schools")
    _rename(TABLE, EARLIER_TABLE)
    _replace_append_function(APPEND, EARLIER_APPEND, EARLIER_TABLE, EARLIER_BATCH, "")


def _rename(before: str, after: str) -> None:
    op.execute(f"alter table {before} rename to {after}")
    op.execute(f"alter sequence {before}_id_seq rename to {after}_id_seq")
    for name in ("pk_{}", *(f"ck_{{}}_{check}" for check in CHECKS)):
        earlier, later = name.format(before), name.format(after)
        op.execute(f"alter table {after} rename constraint {earlier} to {later}")


def _replace_append_function(before: str, after: str, table: str, batch: int, divide: str) -> None:
    op.execute(APPEND_EVENT.format(table=table))
    op.execute(f"drop function {before}")
    op.execute(_append_pending(after, table, batch, divide))
    op.execute(f"revoke execute on function {after} from public")
    op.execute(f"grant execute on function {after} to {API}, {WORKER}")
