"""rebuilds: schools of which a stored object is lost, and items that a delivery queued again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261202_rebuilds"
down_revision: str | None = "20261202_waiting_items"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER = "toetsfeedback_importer"

# The API has no other right on the table. It looks first: an insert would wait for a worker that
# has changed the row.
REQUEST_REBUILD = """
create function request_rebuild(document uuid) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into rebuild_requests (administration_id, school_id)
    select administration_id, school_id from documents where id = document and not exists (
        select from rebuild_requests requested
        where requested.administration_id = documents.administration_id
          and requested.school_id = documents.school_id
    )
    on conflict do nothing
$$
"""

# The lock of the job keeps a worker from ending it before the commit of the delivery.
REQUEUE_BUILT_ITEMS = """
create function requeue_built_items(administration text, schools text[]) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    active uuid[];
    requeued integer;
begin
    select array_agg(id) into active from (
        select id from jobs
        where kind = 'documents.build' and state in ('queued', 'running')
          and arguments ->> 'administrationId' = administration
        order by id for no key update
    ) locked;
    with changed as (
        update job_items set state = 'queued', due_at = now(), attempts = 0, finished_at = null,
            outcome = '{}', repeats = repeats + 1
        where job_id = any (active) and subject = any (schools) and state = 'done'
        returning id
    ), removed as (
        delete from job_failures where item_id in (select id from changed)
    )
    select count(*) into requeued from changed;
    return requeued;
end
$$
"""

# Counts for monitoring: the API may not read which schools they are.
REBUILDING_SCHOOLS = """
create view rebuilding_schools as select count(*) as schools from rebuild_requests
"""


def upgrade() -> None:
    op.add_column(
        "job_items",
        sa.Column("repeats", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} (repeats) on job_items to {API}")
    op.create_table(
        "rebuild_requests",
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column(
            "requested_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_rebuild_requests_job_id")),
        sa.PrimaryKeyConstraint("administration_id", "school_id", name=op.f("pk_rebuild_requests")),
    )
    op.execute(f"grant select, update, delete on rebuild_requests to {WORKER}")
    for function, program in (
        (REQUEST_REBUILD, API),
        (REQUEUE_BUILT_ITEMS, f"{IMPORTER}, {WORKER}"),
    ):
        op.execute(function)
        name = function.split("(")[0].split()[-1]
        op.execute(f"revoke execute on function {name} from public")
        op.execute(f"grant execute on function {name} to {program}")
    op.execute(REBUILDING_SCHOOLS)
    op.execute(f"grant select (schools) on rebuilding_schools to {API}")


def downgrade() -> None:
    op.execute("drop view rebuilding_schools")
    op.execute("drop function requeue_built_items")
    op.execute("drop function request_rebuild")
    op.drop_table("rebuild_requests")
    op.drop_column("job_items", "repeats")
