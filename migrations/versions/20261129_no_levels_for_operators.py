"""no levels for operators: corrections leave no trace of what they changed; the auditor's role.

Reading the audit log becomes a role of its own: an operator that could append a refused event about
a document read its school and students in that event. The login of operators reads no deliveries
either: the hash of a correction of one row tells which of a few guesses it is. The API removes keys
and release windows with functions, since PostgreSQL grants DELETE on whole tables only, and with it
LOCK TABLE. The planner has no statistics of levels and names: EXPLAIN shows estimates of rows that
a policy hides.

The upgrade counts all present documents as built after the last correction. The auditor's role
stays after a downgrade, like the others.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_no_levels"
down_revision: str | None = "20261129_ends_of_access"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, OPERATOR, AUDITOR = "toetsfeedback_api", "toetsfeedback_operator", "toetsfeedback_auditor"
APPEND_FUNCTION = "append_audit_event"

# Several databases of a cluster may be migrated at the same time.
ENSURE_ROLE = f"""
do $$
begin
    if not exists (select from pg_roles where rolname = '{AUDITOR}') then
        create role {AUDITOR} nologin;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$
"""

# Run as the owner, so that they repeat what a row policy would permit. A login that may delete rows
# of the table has no need of them, nor of a caller.
KIND = "current_setting('toetsfeedback.kind', true)"
MAY_DELETE = f"({KIND} = 'operator' or has_table_privilege(session_user, '{{}}', 'delete'))"
REMOVE_KEY = f"""
create function remove_client_key(client uuid, key varchar) returns boolean
language sql volatile security definer set search_path = public, pg_temp
begin atomic
    delete from client_keys where client_id = client and thumbprint = key
        and ({MAY_DELETE.format("client_keys")}
            or current_setting('toetsfeedback.client', true) = client::text)
    returning true;
end
"""
REMOVE_WINDOW = f"""
create function remove_release_window(sought uuid) returns boolean
language sql volatile security definer set search_path = public, pg_temp
begin atomic
    delete from release_windows
    where id = sought and {MAY_DELETE.format("release_windows")} returning true;
end
"""
REMOVALS = {
    "client_keys": "remove_client_key(uuid, varchar)",
    "release_windows": "remove_release_window(uuid)",
}

# No query filters or joins by these columns.
WITHOUT_STATISTICS = {
    "results": ("status", "level_id"),
    "students": ("family_name", "given_name", "stamnummer"),
    "documents": ("file_name",),
}

# A change of the type, here to itself, removes the present statistics of a column.
SET_STATISTICS = """
do $$
declare
    type text := (
        select format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = '{table}'::regclass and attname = '{column}'
    );
begin
    alter table {table} alter column {column} set statistics {target};
    execute format('alter table {table} alter column {column} type %s', type);
end
$$
"""


def upgrade() -> None:
    op.execute(f"revoke select on deliveries from {OPERATOR}")
    op.add_column(
        "participations",
        sa.Column("corrected_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.execute(f"grant select (corrected_revision) on participations to {API}")
    _move_audit_log_to_auditor()
    op.execute(REMOVE_KEY)
    op.execute(REMOVE_WINDOW)
    op.execute("drop policy removed on release_windows")
    for table, function in REMOVALS.items():
        op.execute(f"revoke delete on {table} from {API}")
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to {API}")
    _set_statistics(0)


def downgrade() -> None:
    _set_statistics(-1)
    for table, function in REMOVALS.items():
        op.execute(f"drop function {function}")
        op.execute(f"grant delete on {table} to {API}")
    op.execute(
        f"create policy removed on release_windows for delete to {API}"
        f" using ((select {KIND}) = 'operator')"
    )
    for table in ("audit_events", "audit_heads"):
        op.execute(f"drop policy auditors on {table}")
        op.execute(f"revoke select on {table} from {AUDITOR}")
        op.execute(f"grant select on {table} to {OPERATOR}")
    op.execute(f"grant execute on function {APPEND_FUNCTION} to {OPERATOR}")
    op.drop_column("participations", "corrected_revision")
    op.execute(f"grant select on deliveries to {OPERATOR}")


def _move_audit_log_to_auditor() -> None:
    op.execute(ENSURE_ROLE)
    op.execute(f"revoke execute on function {APPEND_FUNCTION} from {OPERATOR}")
    for table in ("audit_events", "audit_heads"):
        op.execute(f"revoke select on {table} from {OPERATOR}")
        op.execute(f"grant select on {table} to {AUDITOR}")
        op.execute(f"create policy auditors on {table} for select to {AUDITOR} using (true)")


def _set_statistics(target: int) -> None:
    for table, columns in WITHOUT_STATISTICS.items():
        for column in columns:
            op.execute(SET_STATISTICS.format(table=table, column=column, target=target))
