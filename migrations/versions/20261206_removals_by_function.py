"""removals by function: no login of a program locks a table.

A login that may delete rows of a table may lock the table. So functions of the owner remove rows.

The importer also sees which components are released: of their results, and of no others, it names
the students in the audit log.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261206_removals"
down_revision: str | None = "20261205_sign_ons"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

IMPORTER, WORKER = "toetsfeedback_importer", "toetsfeedback_worker"
DEFINER = "language sql security definer set search_path = public, pg_temp"

REMOVE_ITEM_RESULTS = f"""
create function remove_item_results(students uuid[], components integer[])
returns table (school_id varchar, student_id uuid, component_id integer) {DEFINER} as $$
delete from item_results stored using unnest(students, components) removed (student, component)
where stored.student_id = removed.student and stored.component_id = removed.component
returning stored.school_id, stored.student_id, stored.component_id
$$
"""
REMOVE_LEVEL_DESCRIPTIONS = f"""
create function remove_level_descriptions(components integer[], levels integer[])
returns setof integer {DEFINER} as $$
delete from level_descriptions stored using unnest(components, levels) removed (component, level)
where stored.component_id = removed.component and stored.level_id = removed.level
returning stored.component_id
$$
"""
REMOVE_REBUILD_REQUEST = f"""
create function remove_rebuild_request(administration varchar, school varchar)
returns void {DEFINER} as $$
delete from rebuild_requests where administration_id = administration and school_id = school
$$
"""
REMOVE_WORKERS = f"""
create function remove_workers(ended uuid[]) returns void {DEFINER} as $$
delete from workers where id = any(ended)
$$
"""

FUNCTIONS = {
    "remove_item_results": (REMOVE_ITEM_RESULTS, IMPORTER),
    "remove_level_descriptions": (REMOVE_LEVEL_DESCRIPTIONS, IMPORTER),
    "remove_rebuild_request": (REMOVE_REBUILD_REQUEST, WORKER),
    "remove_workers": (REMOVE_WORKERS, WORKER),
}
# Failures of jobs are never removed.
DELETED = {
    IMPORTER: "item_results, level_descriptions",
    WORKER: "job_failures, rebuild_requests, workers",
}


def upgrade() -> None:
    for function, (definition, role) in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to {role}")
    for role, tables in DELETED.items():
        op.execute(f"revoke delete on {tables} from {role}")
    op.execute(f"grant select on released_components to {IMPORTER}")


def downgrade() -> None:
    op.execute(f"revoke select on released_components from {IMPORTER}")
    for role, tables in DELETED.items():
        op.execute(f"grant delete on {tables} to {role}")
    for function in FUNCTIONS:
        op.execute(f"drop function {function}")
