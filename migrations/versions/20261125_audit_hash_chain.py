"""audit hash chain: it detects events that were changed, removed or moved."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_trail"
down_revision: str | None = "20261125_mandates"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The hash of the previous event, followed by the event as JSON. `entry_bytes` in
# shared/audit/rules.py produces the same bytes, so that other code verifies the audit log.
HASH_FUNCTION = """
create function audit_hash(previous bytea, event audit_events) returns bytea
language sql stable parallel safe return sha256(previous || convert_to(jsonb_build_array(
    event.id, event.position, (extract(epoch from event.occurred_at) * 1000000)::bigint,
    event.client, event.caller_kind, event.caller_organisation, event.organisation, event.purpose,
    event.action, event.resource, event.outcome, event.rule, event.trace_id
)::text, 'UTF8'))
"""

# Runs as the owner, so that its callers need no privilege on the two tables. It locks the head of
# the chain until the commit, and is the last statement before the commit.
APPEND_FUNCTION = """
create function append_audit_event(
    client text, caller_kind text, caller_organisation text, organisation text, purpose text,
    action text, resource text, outcome text, rule text, trace_id text
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
    event.hash := audit_hash(head.hash, event);
    insert into audit_events overriding system value select event.*;
    update audit_heads set events = event.position, hash = event.hash where chain = head.chain;
end
$$
"""

CHAIN_EXISTING_EVENTS = """
do $$
declare
    chain_of varchar;
    event audit_events;
    places bigint;
    previous bytea;
begin
    alter table audit_events disable trigger audit_events_append_only;
    for chain_of in select distinct coalesce(organisation, '') from audit_events loop
        places := 0;
        previous := '';
        for event in
            select * from audit_events where coalesce(organisation, '') = chain_of order by id
        loop
            places := places + 1;
            event.position := places;
            previous := audit_hash(previous, event);
            update audit_events set position = places, hash = previous where id = event.id;
        end loop;
        insert into audit_heads (chain, events, hash) values (chain_of, places, previous);
    end loop;
    alter table audit_events enable trigger audit_events_append_only;
end
$$
"""


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.String(length=6), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
    )
    op.add_column("audit_events", sa.Column("purpose", sa.String(length=200), nullable=True))
    op.add_column("audit_events", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("audit_events", sa.Column("hash", sa.LargeBinary(), nullable=True))
    op.execute(HASH_FUNCTION)
    op.execute(APPEND_FUNCTION)
    op.execute(CHAIN_EXISTING_EVENTS)
    op.alter_column("audit_events", "position", nullable=False)
    op.alter_column("audit_events", "hash", nullable=False)
    op.drop_index("ix_audit_events_school", table_name="audit_events")
    op.create_index(
        "uq_audit_events_position",
        "audit_events",
        ["organisation", "position"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.execute("drop function append_audit_event")
    op.execute("drop function audit_hash")
    op.drop_index(
        "uq_audit_events_position", table_name="audit_events", postgresql_nulls_not_distinct=True
    )
    op.create_index("ix_audit_events_school", "audit_events", ["organisation", "occurred_at"])
    op.drop_column("audit_events", "hash")
    op.drop_column("audit_events", "position")
    op.drop_column("audit_events", "purpose")
    op.drop_table("audit_heads")
