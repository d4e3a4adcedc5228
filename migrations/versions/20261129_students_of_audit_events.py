"""students of audit events: whom an answer was about; callers come from the session and the login.

`append_audit_event` no longer takes the caller as arguments. After a downgrade the verification of
the audit log fails for events that were appended since the upgrade.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_audit_students"
down_revision: str | None = "20261129_persons"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER, OPERATOR = "toetsfeedback_importer", "toetsfeedback_operator"

# Subject and students are appended, so that the hash of earlier events does not change.
HASH_FUNCTION = """
create or replace function audit_hash(previous bytea, event audit_events) returns bytea
language sql stable parallel safe return sha256(previous || convert_to((jsonb_build_array(
    event.id, event.position, (extract(epoch from event.occurred_at) * 1000000)::bigint,
    event.client, event.caller_kind, event.caller_organisation, event.organisation, event.purpose,
    event.action, event.resource, event.outcome, event.rule, event.trace_id
) || case {students}
    when event.caller_subject is null then '[]'::jsonb
    else jsonb_build_array(event.caller_subject) end)::text, 'UTF8'))
"""
WITH_STUDENTS = """when event.students is not null
    then jsonb_build_array(event.caller_subject, to_jsonb(event.students))"""
WITHOUT_STUDENTS = "when false then null"

# Runs as the owner, so that its callers need no privilege on the tables, and the API's role learns
# neither the school nor the students of a document that it cannot see.
ABOUT_FUNCTION = """
create function complete_audit_subjects(event audit_events, sought uuid) returns audit_events
language plpgsql stable set search_path = public, pg_temp as $$
declare
    document documents;
begin
    if sought is not null then
        select * into document from documents where id = sought;
        event.organisation := coalesce(event.organisation, document.school_id);
        event.students := case when document.student_id is not null then array[document.student_id]
            else array(
                select student.id from students student
                where student.administration_id = document.administration_id
                    and student.school_id = document.school_id and student.removed_at is null
                    and (document.class_group_id is null
                        or student.class_group_id = document.class_group_id)
                order by student.id
            ) end;
    elsif event.outcome = 'refused' and cardinality(event.students) > 0 then
        event.students := array(select id from students where id = any(event.students));
        event.organisation := coalesce(
            event.organisation, (select school_id from students where id = event.students[1])
        );
    end if;
    if event.organisation is not null
        and event.organisation is distinct from event.caller_organisation
        and not exists (select from schools where id = event.organisation)
        and not exists (select from mandates where school_id = event.organisation)
    then
        event.organisation := null;
    end if;
    return event;
end
$$
"""

CALLER_FUNCTION = f"""
create function audit_caller(claimed uuid) returns audit_events
language plpgsql stable set search_path = public, pg_temp as $$
declare
    event audit_events;
    kind text := nullif(current_setting('toetsfeedback.kind', true), '');
    is_api boolean := pg_has_role(session_user, '{API}', 'member');
begin
    if is_api and kind is not null then
        event.caller_kind := kind;
        event.client := nullif(current_setting('toetsfeedback.client', true), '');
        event.caller_organisation := nullif(current_setting('toetsfeedback.school', true), '');
        event.caller_subject := nullif(current_setting('toetsfeedback.subject', true), '');
        return event;
    end if;
    event.client := session_user;
    event.caller_kind := case
        when pg_has_role(session_user, '{OPERATOR}', 'member') then 'operator'
        when pg_has_role(session_user, '{IMPORTER}', 'member') then 'service'
        when is_api then 'unauthenticated'
        else 'operator' end;
    if event.caller_kind = 'unauthenticated' then
        event.client := coalesce((select id::text from clients where id = claimed), 'unknown');
    end if;
    return event;
end
$$
"""

# What a kind of caller can never do. An importer corrects results of any school.
CHECK_FUNCTION = f"""
create function require_plausible_audit_event(event audit_events) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
    if event.outcome = 'refused' or (
        event.caller_kind = 'school'
            and coalesce(event.organisation, event.caller_organisation) = event.caller_organisation
    ) or (
        event.caller_kind = 'integrator' and (event.organisation is null or exists (
            select from mandates
            where mandates.client = event.client and school_id = event.organisation
        ))
    ) or (event.caller_kind = 'operator' and cardinality(event.students) = 0)
        or pg_has_role(session_user, '{IMPORTER}', 'member')
    then
        return;
    end if;
    raise insufficient_privilege using message = format(
        'a caller of kind %s cannot have this event: set the caller of the transaction',
        event.caller_kind
    );
end
$$
"""

# It locks the head of the chain until the commit, and is the last statement before the commit.
APPEND_FUNCTION = """
create function append_audit_event(
    organisation text, students uuid[], document uuid, claimed_client uuid, purpose text,
    action text, resource text, outcome text, rule text, trace_id text
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    head audit_heads;
    event audit_events := audit_caller(claimed_client);
begin
    event.organisation := organisation;
    event.students := students;
    event.purpose := purpose;
    event.action := action;
    event.resource := resource;
    event.outcome := outcome;
    event.rule := rule;
    event.trace_id := trace_id;
    event := complete_audit_subjects(event, document);
    perform require_plausible_audit_event(event);
    insert into audit_heads (chain, events, hash)
    values (coalesce(event.organisation, ''), 0, '') on conflict do nothing;
    select * into head from audit_heads
    where chain = coalesce(event.organisation, '') for update;
    event.id := nextval('audit_events_id_seq');
    event.position := head.events + 1;
    event.occurred_at := now();
    event.hash := audit_hash(head.hash, event);
    insert into audit_events overriding system value select event.*;
    update audit_heads set events = event.position, hash = event.hash where chain = head.chain;
end
$$
"""

EARLIER_APPEND_FUNCTION = """
create function append_audit_event(
    client text, caller_kind text, caller_organisation text, organisation text, purpose text,
    action text, resource text, outcome text, rule text, trace_id text, caller_subject text
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    head audit_heads;
    event audit_events;
begin
    insert into audit_heads (chain, events, hash)
    values (coalesce(append_audit_event.organisation, ''), 0, '') on conflict do nothing;
    select * into head from audit_heads
    where chain = coalesce(append_audit_event.organisation, '') for update;
    event.id := nextval('audit_events_id_seq');
    event.position := head.events + 1;
    event.occurred_at := now();
    event.client := client;
    event.caller_kind := caller_kind;
    event.caller_organisation := caller_organisation;
    event.organisation := organisation;
    event.purpose := purpose;
    event.action := action;
    event.resource := resource;
    event.outcome := outcome;
    event.rule := rule;
    event.trace_id := trace_id;
    event.caller_subject := caller_subject;
    event.hash := audit_hash(head.hash, event);
    insert into audit_events overriding system value select event.*;
    update audit_heads set events = event.position, hash = event.hash where chain = head.chain;
end
$$
"""

PARTS = (
    "audit_caller(uuid)",
    "complete_audit_subjects(audit_events, uuid)",
    "require_plausible_audit_event(audit_events)",
)


def upgrade() -> None:
    op.add_column("audit_events", sa.Column("students", sa.ARRAY(sa.Uuid()), nullable=True))
    op.create_index(
        "ix_results_superseded_by_delivery_id",
        "results",
        ["superseded_by_delivery_id"],
        postgresql_where=sa.text("superseded_by_delivery_id is not null"),
    )
    op.execute(HASH_FUNCTION.format(students=WITH_STUDENTS))
    op.execute("drop function append_audit_event")
    for function in (ABOUT_FUNCTION, CALLER_FUNCTION, CHECK_FUNCTION, APPEND_FUNCTION):
        op.execute(function)
    for function in (*PARTS, "append_audit_event"):
        op.execute(f"revoke execute on function {function} from public")
    op.execute(f"grant execute on function append_audit_event to {API}, {OPERATOR}, {IMPORTER}")
    op.execute(f"grant select on audit_heads to {WORKER}")


def downgrade() -> None:
    op.execute(f"revoke select on audit_heads from {WORKER}")
    op.execute("drop function append_audit_event")
    for function in PARTS:
        op.execute(f"drop function {function}")
    op.execute(HASH_FUNCTION.format(students=WITHOUT_STUDENTS))
    op.execute(EARLIER_APPEND_FUNCTION)
    op.execute("revoke execute on function append_audit_event from public")
    op.execute(f"grant execute on function append_audit_event to {API}, {OPERATOR}")
    op.drop_index("ix_results_superseded_by_delivery_id", table_name="results")
    op.drop_column("audit_events", "students")
