"""access limits: former names of clients, locks, bytes of links, and checks of audit events.

Earlier names of clients are not known, and not reserved. Codes of deliveries lose more invisible
characters; one that would become equal to another stays as it is, until the next full delivery.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_access_limits"
down_revision: str | None = "20261130_monitoring"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER = "toetsfeedback_importer"
GRANTS = "download_grants"

KEEP_NAME_FUNCTION = """
create function keep_former_client_name() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into former_client_names (client_id, name) values (old.id, old.name)
    on conflict do nothing;
    return null;
end
$$
"""
KEEP_NAME_TRIGGER = """
create trigger keep_former_name after update of name on clients
for each row when (old.name <> new.name) execute function keep_former_client_name()
"""

CHECKS = {
    "caller_kind_known": (
        "caller_kind in ('school', 'integrator', 'operator', 'service', 'unauthenticated')"
    ),
    "codes_are_words": (
        "outcome in ('allowed', 'refused') and action ~ '^[A-Za-z]+$' and rule ~ '^[A-Za-z_]+$'"
    ),
    "resource_is_a_path": "resource ~ '^/[!-~]*$'",
    "texts_are_plain": (
        r"concat(client, caller_organisation, organisation, trace_id, purpose, caller_subject)"
        r" !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]'"
    ),
}

PLAIN = f"""
    perform from (select (event).*) decision where {" and ".join(CHECKS.values())};
    if not found then
        raise check_violation using message =
            'an event has a known kind of caller, codes of letters, a path, and plain texts';
    end if;
"""
PLAUSIBLE_FUNCTION = f"""
create or replace function require_plausible_audit_event(event audit_events) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
{{plain}}
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

CODES = (
    ("target_groups", "code", ("administration_id",)),
    ("components", "code", ("administration_id",)),
    ("class_groups", "name", ("administration_id", "school_id")),
    ("students", "delivered_as", ("administration_id", "school_id")),
)
INVISIBLE = (
    r"[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5"
    r"\u180b-\u180f\u200b\u200e-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def upgrade() -> None:
    _create_former_names()
    op.create_table(
        "locks",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_locks")),
    )
    for privilege in ("select", "insert", "update"):  # of a column: nobody locks the table
        op.execute(f"grant {privilege} (name) on locks to {API}, {WORKER}, {IMPORTER}")
    op.add_column(
        GRANTS,
        sa.Column("granted_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} (granted_bytes) on {GRANTS} to {API}")
    op.execute("do $$ begin while append_pending_refusals(null) > 0 loop end loop; end $$")
    for name, condition in CHECKS.items():
        op.create_check_constraint(
            op.f(f"ck_pending_refusals_{name}"), "pending_refusals", condition
        )
    op.execute(PLAUSIBLE_FUNCTION.replace("{plain}", PLAIN))
    for table, column, scope in CODES:
        _remove_invisible(table, column, scope)


def downgrade() -> None:
    op.execute(PLAUSIBLE_FUNCTION.replace("{plain}", ""))
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_pending_refusals_{name}"), "pending_refusals")
    op.drop_column(GRANTS, "granted_bytes")
    op.drop_table("locks")
    op.execute("drop trigger keep_former_name on clients")
    op.execute("drop function keep_former_client_name")
    op.drop_table("former_client_names")


def _create_former_names() -> None:
    table = "former_client_names"
    op.create_table(
        table,
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f(f"fk_{table}_client_id")),
        sa.PrimaryKeyConstraint("client_id", "name", name=op.f(f"pk_{table}")),
    )
    op.execute(f"grant select (client_id, name) on {table} to {API}")
    op.execute(KEEP_NAME_FUNCTION)
    op.execute("revoke execute on function keep_former_client_name from public")
    op.execute(KEEP_NAME_TRIGGER)


def _remove_invisible(table: str, column: str, scope: tuple[str, ...]) -> None:
    def folded(name: str) -> str:
        visible = f"regexp_replace({name}.{column}, '{INVISIBLE}', '', 'g')"
        return f"btrim(regexp_replace({visible}, ' +', ' ', 'g'))"

    same_scope = " and ".join(f"other.{name} = stored.{name}" for name in scope)
    op.execute(f"""
        update {table} stored set {column} = {folded("stored")}
        where {column} ~ '{INVISIBLE}' and {folded("stored")} <> '' and not exists (
            select from {table} other where {same_scope} and other.id <> stored.id
              and {folded("other")} = {folded("stored")}
        )
    """)
