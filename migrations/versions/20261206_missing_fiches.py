"""missing fiches: the students of whom a build made no fiche, and why, for their school."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261206_missing_fiches"
down_revision: str | None = "20261206_reading_guides"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
COLUMNS = "student_id, administration_id, school_id, component_ids, reason, facts_revision"
REASONS = ("withheld", "notAssigned", "noResult", "undrawableText", "overfullFiche")

# As that of documents: the school's own, released, not recalled, and of the current facts.
SEEN = f"""
create policy seen on missing_fiches for select to {API} using (
    school_id in (select unnest((select reached_schools('studentFeedback'))))
    and component_ids <@ (select released_component_ids('studentFeedback'))::integer[]
    and administration_id || '/' || school_id
        <> all ((select recalled_schools('studentFeedback'))::text[])
    and facts_revision = (
        select part.facts_revision from participations part
        where part.administration_id = missing_fiches.administration_id
          and part.school_id = missing_fiches.school_id and part.removed_at is null
    )
)
"""

# A worker has no other right on the table: with one to delete, it could lock the table.
REPLACE = """
create function replace_missing_fiches(
    administration varchar, school varchar, revision integer, missing jsonb
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
    delete from missing_fiches where administration_id = administration and school_id = school;
    insert into missing_fiches (
        student_id, administration_id, school_id, component_ids, reason, facts_revision
    )
    select student.id, administration, school, found.component_ids, found.reason, revision
    from jsonb_to_recordset(missing)
        as found (student_id uuid, component_ids integer[], reason varchar)
    join students student on student.id = found.student_id
        and student.administration_id = administration and student.school_id = school;
end
$$
"""
FUNCTION = "replace_missing_fiches(varchar, varchar, integer, jsonb)"


def upgrade() -> None:
    op.create_table(
        "missing_fiches",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("component_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("facts_revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"reason in {REASONS}", name=op.f("ck_missing_fiches_reason_known")),
        sa.CheckConstraint(
            "cardinality(component_ids) > 0", name=op.f("ck_missing_fiches_is_about_components")
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["students.id"], name=op.f("fk_missing_fiches_student_id")
        ),
        sa.PrimaryKeyConstraint("student_id", name=op.f("pk_missing_fiches")),
    )
    op.create_index(
        "ix_missing_fiches_school_id", "missing_fiches", ["school_id", "administration_id"]
    )
    # EXPLAIN would show estimates of rows that the policy hides.
    for column in ("component_ids", "reason"):
        op.execute(f"alter table missing_fiches alter column {column} set statistics 0")
    op.execute("alter table missing_fiches enable row level security")
    op.execute(SEEN)
    op.execute(f"grant select ({COLUMNS}) on missing_fiches to {API}")
    op.execute(REPLACE)
    op.execute(f"revoke execute on function {FUNCTION} from public")
    op.execute(f"grant execute on function {FUNCTION} to {WORKER}")


def downgrade() -> None:
    op.execute(f"drop function {FUNCTION}")
    op.drop_table("missing_fiches")
