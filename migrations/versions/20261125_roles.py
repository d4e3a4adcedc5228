"""roles: each program has the privileges that it needs, and owns no tables.

Roles belong to the cluster, privileges to one database. So the roles stay after a downgrade.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_roles"
down_revision: str | None = "20261125_segments"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER, OPERATOR = "toetsfeedback_importer", "toetsfeedback_operator"
ROLES = (API, WORKER, IMPORTER, OPERATOR)

# Several databases of a cluster may be migrated at the same time.
ENSURE_ROLE = """
do $$
begin
    if not exists (select from pg_roles where rolname = '{role}') then
        create role {role} nologin;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$
"""

CATALOGUE = "administrations, target_groups, components, levels, level_descriptions"
SCHOOLS = "schools, participations"
STUDENTS = "class_groups, students, results"
JOBS = "jobs, job_items, job_failures"

# Only the importer can read scale scores and item results.
PRIVILEGES = {
    API: {
        f"{CATALOGUE}, {SCHOOLS}, {STUDENTS}, documents, audit_events": "select",
        "released_components, current_mandates, job_failures": "select",
        "deliveries": "select, insert",
        "jobs, job_items, release_windows, mandates": "select, insert, update",
    },
    WORKER: {
        f"{CATALOGUE}, {SCHOOLS}, {STUDENTS}, release_windows, deliveries": "select",
        "documents, job_failures": "select, insert, update, delete",
        "jobs, job_items": "select, insert, update",
    },
    IMPORTER: {
        f"{CATALOGUE}, {SCHOOLS}, {STUDENTS}, scale_scores, deliveries": "select, insert, update",
        "item_results": "select, insert, update, delete",
        "level_descriptions": "delete",
    },
    OPERATOR: {
        f"{CATALOGUE}, {SCHOOLS}, deliveries, job_failures": "select",
        "audit_events, audit_heads": "select",
        "jobs, job_items, release_windows": "select, insert, update",
    },
}

# An import runs `analyze` itself where PostgreSQL allows that to others than the owner.
ANALYZE = f"""
do $$
begin
    if current_setting('server_version_num')::int >= 170000 then
        execute 'grant maintain on {STUDENTS}, scale_scores, item_results to {IMPORTER}';
    end if;
end
$$
"""


def upgrade() -> None:
    for role in ROLES:
        op.execute(ENSURE_ROLE.format(role=role))
        for tables, privileges in PRIVILEGES[role].items():
            op.execute(f"grant {privileges} on {tables} to {role}")
    op.execute(ANALYZE)
    op.execute("revoke execute on function append_audit_event from public")
    op.execute(f"grant execute on function append_audit_event to {API}, {OPERATOR}")


def downgrade() -> None:
    op.execute(f"revoke all on all tables in schema public from {', '.join(ROLES)}")
    op.execute(f"revoke all on function append_audit_event from {API}, {OPERATOR}")
    op.execute("grant execute on function append_audit_event to public")
