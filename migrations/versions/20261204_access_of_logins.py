"""access of logins: what one login writes or locks stops no other program.

Rows of jobs are ones that every program can read. The login of operators adds what the command
line adds, and nothing else. Rows from before that nobody could read are cancelled.

The worker removes what has expired, and not a use, an end of access or a sign-on that still counts.
A list of students in an audit event is a plain one, which the verification reads as it was hashed.
The importer and the worker update columns, not tables: PostgreSQL lets a login that may update,
delete from or maintain a table as a whole lock it, which stops the API.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261204_access_of_logins"
down_revision: str | None = "20261130_sort_keys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPERATOR = "toetsfeedback_operator"
IMPORTER, WORKER = "toetsfeedback_importer", "toetsfeedback_worker"

CONTROLS = r"[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]"
CHECKS_OF_JOBS = {
    "kind_is_a_name": r"kind ~ '^[a-z]+\.[a-z]+$'",
    "texts_are_plain": f"concat(subject, requested_by, trace_id) !~ '{CONTROLS}'",
    "arguments_are_short": """jsonb_typeof(arguments) = 'object'
        and length(cast(arguments as text)) <= 1000
        and not jsonb_path_exists(
            arguments, 'strict $.*.type() ? (@ == "object" || @ == "array")'
        )""",
    "instants_have_four_digit_years": """
        least(created_at, started_at, finished_at) >= '1970-01-01 00:00:00Z'
        and greatest(created_at, started_at, finished_at) < '9000-01-01 00:00:00Z'""",
    "finished_exactly_when_ended": (
        "(state in ('done', 'failed', 'cancelled')) = (finished_at is not null)"
    ),
}
CHECK_OF_ITEMS = f"subject !~ '{CONTROLS}'"

CANCEL_UNREADABLE = f"""
with unreadable as (
    update jobs set kind = 'unreadable.job', subject = id::text, arguments = '{{}}',
        requested_by = 'unknown', trace_id = null, state = 'cancelled',
        created_at = now(), started_at = null, finished_at = now()
    where not ({" and ".join(f"({check})" for check in CHECKS_OF_JOBS.values())})
    returning id
)
update job_items set state = 'cancelled', lease_until_at = null, finished_at = now(),
    fencing_token = fencing_token + 1
where state in ('queued', 'running') and job_id in (select id from unreadable)
"""
CANCEL_UNREADABLE_ITEMS = f"""
update job_items set subject = id::text, state = 'cancelled', lease_until_at = null,
    finished_at = now(), fencing_token = fencing_token + 1
where not ({CHECK_OF_ITEMS})
"""

# Those that `toetsfeedback build` adds.
STARTED_BY_COMMAND = f"""
create policy command on jobs as restrictive for insert to {OPERATOR} with check (
    kind = 'documents.build' and (state = 'queued' or state = 'done')
    and requested_by = 'cli' and trace_id is null
)
"""

DEFINER = "security definer set search_path = public, pg_temp"
# The API accepts an expired token for five seconds.
EXPIRED = {
    "used_identifiers": "expires_at < now() - interval '5 seconds'",
    "revoked_tokens": "expires_at < now() - interval '5 seconds'",
    "sign_ons": "expires_at < now() - interval '5 seconds'",
    "download_grants": "expires_at < now() - interval '1 day'",
    "stored_responses": "created_at < now() - interval '1 day'",
}
REMOVE_EXPIRED = f"""
create function remove_expired_{{table}}() returns bigint language sql {DEFINER} as $$
with removed as (
    delete from {{table}} where ctid = any(array(
        select ctid from {{table}} where {{expired}} limit 10000
    )) returning 1
)
select count(*) from removed
$$
"""
REMOVE_DOCUMENTS = f"""
create function remove_documents(administration varchar, school varchar, kept uuid[])
returns bigint language sql {DEFINER} as $$
with removed as (
    delete from documents
    where administration_id = administration and school_id = school and id <> all(kept)
    returning 1
)
select count(*) from removed
$$
"""
# The planner needs statistics of what was imported. A login that may make them may lock the table.
ANALYZED = "class_groups, students, results, scale_scores, item_results"
ANALYZE = f"""
create function analyze_imported_tables() returns void language plpgsql {DEFINER} as $$
begin
    analyze {ANALYZED};
end
$$
"""
FUNCTIONS = {
    "remove_documents": WORKER,
    "analyze_imported_tables": IMPORTER,
    **{f"remove_expired_{table}": WORKER for table in EXPIRED},
}

SET_MAINTAIN = """
do $$
begin
    if current_setting('server_version_num')::integer >= 170000 then
        execute '{change}';
    end if;
end
$$
"""
UPDATES_OF_COLUMNS = f"""
do $$
declare
    entry record;
begin
    for entry in
        select relation.relname as name, grantee.rolname as role,
               (select string_agg(quote_ident(attname), ', ') from pg_attribute
                where attrelid = relation.oid and attnum > 0 and not attisdropped) as columns
        from pg_class relation, aclexplode(relation.relacl) acl, pg_roles grantee
        where relation.relnamespace = 'public'::regnamespace and relation.relkind = 'r'
          and grantee.oid = acl.grantee and grantee.rolname in ('{IMPORTER}', '{WORKER}')
          and acl.privilege_type = 'UPDATE'
    loop
        execute format('revoke update on %I from %I', entry.name, entry.role);
        execute format('grant update (%s) on %I to %I', entry.columns, entry.name, entry.role);
    end loop;
end
$$
"""
UPDATES_OF_TABLES = f"""
do $$
declare
    entry record;
begin
    for entry in
        select distinct relation.relname as name, grantee.rolname as role
        from pg_class relation join pg_attribute on attrelid = relation.oid,
             aclexplode(attacl) acl, pg_roles grantee
        where relation.relnamespace = 'public'::regnamespace and relation.relname <> 'locks'
          and grantee.oid = acl.grantee and grantee.rolname in ('{IMPORTER}', '{WORKER}')
          and acl.privilege_type = 'UPDATE'
    loop
        execute format('revoke update on %I from %I', entry.name, entry.role);
        execute format('grant update on %I to %I', entry.name, entry.role);
    end loop;
end
$$
"""

DECISION = (
    "occurred_at, client, caller_kind, caller_organisation, organisation, action, resource,"
    " outcome, rule, trace_id, purpose, caller_subject, students"
)
PLAIN_STUDENTS = """if students <> array(
        select student from unnest(students) student where student is not null
    ) then
        raise check_violation using message = 'students of an event are a list without nulls';
    end if;"""
APPEND_FUNCTION = f"""
create or replace function append_audit_event(
    organisation text, students uuid[], document uuid, claimed_client uuid, purpose text,
    action text, resource text, outcome text, rule text, trace_id text
) returns uuid[] language plpgsql {DEFINER} as $$
declare
    event audit_events := audit_caller(claimed_client);
begin
    {{check}}
    event.occurred_at := now();
    event.organisation := organisation;
    event.students := students;
    event.purpose := purpose;
    event.action := action;
    event.resource := resource;
    event.outcome := outcome;
    event.rule := rule;
    event.trace_id := trace_id;
    if event.outcome = 'refused' then
        insert into pending_refusals (document_id, {DECISION})
        select document, {", ".join(f"(event).{column}" for column in DECISION.split(", "))};
        return null;
    end if;
    event := complete_audit_subjects(event, document);
    perform require_plausible_audit_event(event);
    perform chain_audit_event(event);
    return case when document is not null then event.students end;
end
$$
"""


def upgrade() -> None:
    _restrict_jobs()
    _restrict_removals()
    _restrict_locks()
    op.execute(APPEND_FUNCTION.format(check=PLAIN_STUDENTS))


def downgrade() -> None:
    op.execute(APPEND_FUNCTION.format(check=""))
    op.execute(UPDATES_OF_TABLES)
    op.execute(SET_MAINTAIN.format(change=f"grant maintain on {ANALYZED} to {IMPORTER}"))
    for function in FUNCTIONS:
        op.execute(f"drop function {function}")
    op.execute(f"grant delete on documents to {WORKER}")
    for table in EXPIRED:
        op.execute(f"grant select, delete on {table} to {WORKER}")
    op.execute("drop policy command on jobs")
    op.execute("alter table job_items drop constraint ck_job_items_subject_is_plain")
    for name in CHECKS_OF_JOBS:
        op.execute(f"alter table jobs drop constraint ck_jobs_{name}")


def _restrict_jobs() -> None:
    op.execute(CANCEL_UNREADABLE)
    op.execute(CANCEL_UNREADABLE_ITEMS)
    for name, check in CHECKS_OF_JOBS.items():
        op.execute(f"alter table jobs add constraint ck_jobs_{name} check ({check})")
    plain = f"constraint ck_job_items_subject_is_plain check ({CHECK_OF_ITEMS})"
    op.execute(f"alter table job_items add {plain}")
    op.execute(STARTED_BY_COMMAND)


def _restrict_removals() -> None:
    for table, expired in EXPIRED.items():
        op.execute(f"revoke select, delete on {table} from {WORKER}")
        op.execute(REMOVE_EXPIRED.format(table=table, expired=expired))
    op.execute(f"revoke delete on documents from {WORKER}")
    op.execute(REMOVE_DOCUMENTS)


def _restrict_locks() -> None:
    op.execute(UPDATES_OF_COLUMNS)
    op.execute(ANALYZE)
    op.execute(SET_MAINTAIN.format(change=f"revoke maintain on {ANALYZED} from {IMPORTER}"))
    for function, role in FUNCTIONS.items():
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to {role}")
