"""subjects of audit events: the person for whom a portal requests data.

After a downgrade the verification of the audit log fails for events with a subject.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_subjects"
down_revision: str | None = "20261125_fewer_foreign_keys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, OPERATOR = "toetsfeedback_api", "toetsfeedback_operator"

# The subject is appended, so that the hash of events without a subject does not change.
HASH_FUNCTION = """
create or replace function audit_hash(previous bytea, event audit_events) returns bytea
language sql stable parallel safe return sha256(previous || convert_to((jsonb_build_array(
    event.id, event.position, (extract(epoch from event.occurred_at) * 1000000)::bigint,
    event.client, event.caller_kind, event.caller_organisation, event.organisation, event.purpose,
    event.action, event.resource, event.outcome, event.rule, event.trace_id
){subject})::text, 'UTF8'))
"""
WITH_SUBJECT = """ || case
    when event.caller_subject is null then '[]'::jsonb
    else jsonb_build_array(event.caller_subject) end"""

APPEND_FUNCTION = """
create function append_audit_event(
    client text, caller_kind text, caller_organisation text, organisation text, purpose text,
    action text, resource text, outcome text, rule text, trace_id text{parameter}
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
    event.trace_id := trace_id;{assignment}
    event.hash := audit_hash(head.hash, event);
    insert into audit_events overriding system value select event.*;
    update audit_heads set events = event.position, hash = event.hash where chain = head.chain;
end
$$
"""
PARAMETER = ", caller_subject text"
ASSIGNMENT = "\n    event.caller_subject := caller_subject;"


def upgrade() -> None:
    op.add_column("audit_events", sa.Column("caller_subject", sa.String(length=128), nullable=True))
    _replace_functions(WITH_SUBJECT, PARAMETER, ASSIGNMENT)


def downgrade() -> None:
    _replace_functions("", "", "")
    op.drop_column("audit_events", "caller_subject")


def _replace_functions(subject: str, parameter: str, assignment: str) -> None:
    """Replace both functions; a new parameter makes a new function, without privileges."""
    op.execute(HASH_FUNCTION.format(subject=subject))
    op.execute("drop function append_audit_event")
    op.execute(APPEND_FUNCTION.format(parameter=parameter, assignment=assignment))
    op.execute("revoke execute on function append_audit_event from public")
    op.execute(f"grant execute on function append_audit_event to {API}, {OPERATOR}")
