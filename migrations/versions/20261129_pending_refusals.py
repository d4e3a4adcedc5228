"""pending refusals: a refusal locks no chain, and its cost tells nothing about what was refused.

`append_audit_event` appended a refusal to the chain of the school that the id belonged to, or to
that of no school. Requests of the same chain wait for each other, and the students of a document
were looked up, so that the time of parallel refusals told whether an id exists.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "20261129_pending_refusals"
down_revision: str | None = "20261130_readable_revision"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER = "toetsfeedback_importer"
DEFINER = "security definer set search_path = public, pg_temp"

DECISION = (
    "occurred_at, client, caller_kind, caller_organisation, organisation, action, resource,"
    " outcome, rule, trace_id, purpose, caller_subject, students"
)
TO_EVENT = "\n".join(f"    event.{column} := refusal.{column};" for column in DECISION.split(", "))

# It locks the head of the chain until the commit.
CHAIN_FUNCTION = """
create function chain_audit_event(event audit_events) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
    head audit_heads;
begin
    insert into audit_heads (chain, events, hash)
    values (coalesce(event.organisation, ''), 0, '') on conflict do nothing;
    select * into head from audit_heads
    where chain = coalesce(event.organisation, '') for update;
    event.id := nextval('audit_events_id_seq');
    event.position := head.events + 1;
    event.hash := audit_hash(head.hash, event);
    insert into audit_events overriding system value select event.*;
    update audit_heads set events = event.position, hash = event.hash where chain = head.chain;
end
$$
"""

# It returns the students of a document that the caller may read.
APPEND_FUNCTION = f"""
create function append_audit_event(
    organisation text, students uuid[], document uuid, claimed_client uuid, purpose text,
    action text, resource text, outcome text, rule text, trace_id text
) returns uuid[] language plpgsql {DEFINER} as $$
declare
    event audit_events := audit_caller(claimed_client);
begin
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

# Refusals that another transaction appends are skipped for all schools, and awaited for one, which
# is about to read its audit log. All rows are locked before the first chain, and the chains are
# locked in their order.
APPEND_PENDING_FUNCTION = f"""
create function append_pending_refusals(school text) returns integer
language plpgsql {DEFINER} as $$
declare
    pending bigint[];
    refusal pending_refusals;
    event audit_events;
    completed audit_events[] := '{{}}';
begin
    if school is null then
        pending := array(
            select id from pending_refusals order by id limit 10000 for update skip locked
        );
    else
        pending := array(
            select id from pending_refusals
            where organisation = school
                or document_id in (
                    select id from documents
                    where id = pending_refusals.document_id and school_id = school)
                or students[1] in (
                    select id from students
                    where id = pending_refusals.students[1] and school_id = school)
            order by id for update
        );
    end if;
    for refusal in delete from pending_refusals where id = any (pending) returning * loop
{TO_EVENT}
        event := complete_audit_subjects(event, refusal.document_id);
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

EARLIER_APPEND_FUNCTION = f"""
create function append_audit_event(
    organisation text, students uuid[], document uuid, claimed_client uuid, purpose text,
    action text, resource text, outcome text, rule text, trace_id text
) returns void language plpgsql {DEFINER} as $$
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


def upgrade() -> None:
    op.create_index("ix_audit_events_occurred_at", "audit_events", ["organisation", "occurred_at"])
    op.create_table(
        "pending_refusals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column(
            "occurred_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("client", sa.String(length=128), nullable=False),
        sa.Column("caller_kind", sa.String(length=16), nullable=False),
        sa.Column("caller_organisation", sa.String(length=6), nullable=True),
        sa.Column("organisation", sa.String(length=6), nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=True),
        sa.Column("purpose", sa.String(length=200), nullable=True),
        sa.Column("caller_subject", sa.String(length=128), nullable=True),
        sa.Column("students", ARRAY(sa.Uuid()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_refusals")),
    )
    op.execute("alter table pending_refusals enable row level security")  # no policy: no program
    op.execute(CHAIN_FUNCTION)
    op.execute(APPEND_PENDING_FUNCTION)
    _replace_append_function(APPEND_FUNCTION)
    op.execute("revoke execute on function chain_audit_event from public")
    op.execute("revoke execute on function append_pending_refusals from public")
    op.execute(f"grant execute on function append_pending_refusals to {API}, {WORKER}")


def downgrade() -> None:
    op.execute("do $$ begin while append_pending_refusals(null) > 0 loop end loop; end $$")
    _replace_append_function(EARLIER_APPEND_FUNCTION)
    op.execute("drop function append_pending_refusals")
    op.execute("drop function chain_audit_event")
    op.drop_table("pending_refusals")
    op.drop_index("ix_audit_events_occurred_at", table_name="audit_events")


def _replace_append_function(function: str) -> None:
    op.execute("drop function append_audit_event")
    op.execute(function)
    op.execute("revoke execute on function append_audit_event from public")
    op.execute(f"grant execute on function append_audit_event to {API}, {IMPORTER}")
