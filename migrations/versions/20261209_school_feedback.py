"""school feedback: immutable snapshots of figures, references, and what the worker needs for both.

The login of the API reads snapshots, and nothing of what they are made from. The importer writes
delivered references; the worker reads them and adds snapshots, and changes and removes none.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261209_school_feedback"
down_revision: str | None = "20261206_missing_fiches"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
IMPORTER = "toetsfeedback_importer"
PRODUCT = "schoolFeedback"
REASONS = ("first", "beforeRelease", "corrected", "correctionsLeftOut")
NOW = sa.text("now()")
INSTANT = postgresql.TIMESTAMP(timezone=True)

SNAPSHOTS = "school_feedback_snapshots"
SHOWN = "id, administration_id, school_id, component_id, version, reason, figures, computed_at"
SEEN = f"""
    school_id in (select unnest((select reached_schools('{PRODUCT}'))))
    and component_id = any ((select released_component_ids('{PRODUCT}'))::integer[])
    and administration_id || '/' || school_id
        <> all ((select recalled_schools('{PRODUCT}'))::text[])
"""

# From this moment on, somebody may have read the current figures of a component. The minute is
# longer than a computation takes from its first statement to its commit.
FIRST_READABLE = f"""
create view first_readable_feedback as
select component_id, min(opens_at) - interval '1 minute' as readable_from from (
    select unnest(component_ids) as component_id, opens_at from approved_openings
    where product = '{PRODUCT}'
    union all
    select component_id, opens_at from deciding_windows
    where product = '{PRODUCT}' and before_plans
) opened
where opens_at <= clock_timestamp() + interval '1 minute'
group by component_id
"""

NOTE = f"""
create function note_changed_feedback() returns trigger language plpgsql
security definer set search_path = public, pg_temp as $$
begin
    insert into opening_changes (transaction_id, administration_id, product, is_plan)
    select distinct pg_current_xact_id()::text::bigint, administration_id, '{PRODUCT}', false
    from changed_rows
    on conflict do nothing;
    return null;
end
$$
"""
NOTED = {SNAPSHOTS: ("insert",), "delivered_references": ("insert", "update")}

# Those that commands add.
STARTED_BY_COMMAND = """
alter policy command on jobs with check (
    {kind} and (state = 'queued' or state = 'done')
    and requested_by = 'cli' and trace_id is null
)
"""
BUILDS = "kind = 'documents.build'"
OPERATOR_STARTS = f"({BUILDS} or kind = 'feedback.compute')"

# The columns that each program reads or writes; nobody removes a row.
PRIVILEGES = {
    SNAPSHOTS: {
        API: {"select": SHOWN},
        WORKER: dict.fromkeys(("select", "insert"), f"{SHOWN}, audit"),
    },
    "school_feedback_members": {
        WORKER: dict.fromkeys(
            ("select", "insert"),
            'snapshot_id, students, class_groups, levels, "rows", shown, shows_school',
        )
    },
    "computed_references": {
        WORKER: dict.fromkeys(
            ("select", "insert", "update"),
            "component_id, comparison_group, state, schools, largest, counts, scored, score_sum,"
            " square_sum",
        )
    },
    "feedback_computations": {
        WORKER: dict.fromkeys(
            ("select", "insert", "update"),
            "administration_id, school_id, facts_revision, reference_state, computed_at",
        )
    },
    "delivered_references": {
        IMPORTER: dict.fromkeys(
            ("select", "insert", "update"),
            "administration_id, school_id, component_id, reference, level, indicator, value,"
            " standard_error, students, removed_at",
        )
    },
}


def upgrade() -> None:
    _create_snapshots()
    _create_members()
    _create_references()
    _create_computations()
    _create_delivered_references()
    for table, programs in PRIVILEGES.items():
        op.execute(f"alter table {table} enable row level security")
        for program, privileges in programs.items():
            for privilege, columns in privileges.items():
                op.execute(f"grant {privilege} ({columns}) on {table} to {program}")
            if program != API:
                op.execute(f"create policy others on {table} to {program} using (true)")
    op.execute(f"create policy seen on {SNAPSHOTS} for select to {API} using ({SEEN})")
    op.execute(STARTED_BY_COMMAND.format(kind=OPERATOR_STARTS))
    op.execute(FIRST_READABLE)
    op.execute(f"grant select on first_readable_feedback to {WORKER}")
    op.execute(NOTE)
    op.execute("revoke execute on function note_changed_feedback from public")
    for table, events in NOTED.items():
        for event in events:
            op.execute(
                f"create trigger note_changed_feedback_{event} after {event} on {table}"
                " referencing new table as changed_rows"
                " for each statement execute function note_changed_feedback()"
            )


def downgrade() -> None:
    op.execute("set constraints all immediate")
    op.execute(STARTED_BY_COMMAND.format(kind=BUILDS))
    op.execute("drop view first_readable_feedback")
    op.drop_table("school_feedback_members")
    for table in (SNAPSHOTS, "computed_references", "feedback_computations"):
        op.drop_table(table)
    op.drop_table("delivered_references")
    op.execute("drop function note_changed_feedback")


def _create_snapshots() -> None:
    op.create_table(
        SNAPSHOTS,
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("audit", postgresql.JSONB(), nullable=False),
        sa.Column("computed_at", INSTANT, server_default=NOW, nullable=False),
        _check(SNAPSHOTS, "reason_known", f"reason in {REASONS}"),
        _check(SNAPSHOTS, "versions_from_one", "version > 0"),
        _check(SNAPSHOTS, "audit_passed", """audit @> '{"isPassed": true}'"""),
        _component(SNAPSHOTS),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{SNAPSHOTS}")),
    )
    op.create_index(
        f"uq_{SNAPSHOTS}_version",
        SNAPSHOTS,
        ["school_id", "administration_id", "component_id", "version"],
        unique=True,
    )
    # EXPLAIN would show estimates of rows that the policy hides.
    for column in ("figures", "reason", "version"):
        op.execute(f"alter table {SNAPSHOTS} alter column {column} set statistics 0")


def _create_members() -> None:
    table = "school_feedback_members"
    ids = postgresql.ARRAY(sa.Uuid())
    op.create_table(
        table,
        sa.Column("snapshot_id", sa.Uuid(), nullable=False),
        sa.Column("students", ids, nullable=False),
        sa.Column("class_groups", ids, nullable=False),
        sa.Column("levels", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("rows", ids, nullable=False),
        sa.Column("shown", ids, nullable=False),
        sa.Column("shows_school", sa.Boolean(), nullable=False),
        _check(
            table,
            "one_level_per_student",
            "cardinality(students) = cardinality(class_groups)"
            " and cardinality(students) = cardinality(levels)",
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], [f"{SNAPSHOTS}.id"], name=op.f(f"fk_{table}_snapshot_id")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f(f"pk_{table}")),
    )


def _create_references() -> None:
    table = "computed_references"
    op.create_table(
        table,
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("comparison_group", sa.String(length=50), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("schools", sa.Integer(), nullable=False),
        sa.Column("largest", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("counts", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("score_sum", sa.Numeric(), nullable=False),
        sa.Column("square_sum", sa.Numeric(), nullable=False),
        _component(table),
        sa.PrimaryKeyConstraint("component_id", "comparison_group", name=op.f(f"pk_{table}")),
    )


def _create_computations() -> None:
    table = "feedback_computations"
    op.create_table(
        table,
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("facts_revision", sa.Integer(), nullable=False),
        sa.Column("reference_state", sa.String(length=64), nullable=False),
        sa.Column("computed_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("administration_id", "school_id", name=op.f(f"pk_{table}")),
    )


def _create_delivered_references() -> None:
    table = "delivered_references"
    key = ("administration_id", "school_id", "component_id", "reference", "level", "indicator")
    op.create_table(
        table,
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("indicator", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("standard_error", sa.Numeric(), nullable=True),
        sa.Column("students", sa.Integer(), nullable=True),
        sa.Column("removed_at", INSTANT, nullable=True),
        _check(table, "reference_known", "reference in ('flanders', 'similar')"),
        _check(table, "level_or_indicator", "(level = '') <> (indicator = '')"),
        _check(
            table,
            "indicator_known",
            "indicator in ('', 'basicLiteracy', 'finalObjectives', 'mean')",
        ),
        _component(table),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def _component(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_component_id")
    return sa.ForeignKeyConstraint(["component_id"], ["components.id"], name=name)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
