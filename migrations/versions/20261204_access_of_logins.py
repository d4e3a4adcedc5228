"""access of logins: a row of one login stops no other program.

Rows of jobs are ones that every program can read. The login of operators adds what the command
line adds, and nothing else. Rows from before that nobody could read are cancelled.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261204_access_of_logins"
down_revision: str | None = "20261130_sort_keys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPERATOR = "toetsfeedback_operator"

CONTROLS = r"[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]"
CHECKS_OF_JOBS = {
    "kind_is_a_name": r"kind ~ '^[a-z]+\.[a-z]+$'",
    "texts_are_plain": f"concat(subject, requested_by, trace_id) !~ '{CONTROLS}'",
    "arguments_are_short": """jsonb_typeof(arguments) = 'object'
        and length(cast(arguments as text)) <= 1000
        and not jsonb_path_exists(
            arguments, 'strict $.*.type() ? (@ == "object" || @ == "array")'
        )""",
    "instants_have_four_digit_years": """
        least(created_at, started_at, finished_at) >= '1970-01-01 00:00:00Z'
        and greatest(created_at, started_at, finished_at) < '9000-01-01 00:00:00Z'""",
    "finished_exactly_when_ended": (
        "(state in ('done', 'failed', 'cancelled')) = (finished_at is not null)"
    ),
}
CHECK_OF_ITEMS = f"subject !~ '{CONTROLS}'"

CANCEL_UNREADABLE = f"""
with unreadable as (
    update jobs set kind = 'unreadable.job', subject = id::text, arguments = '{{}}',
        requested_by = 'unknown', trace_id = null, state = 'cancelled',
        created_at = now(), started_at = null, finished_at = now()
    where not ({" and ".join(f"({check})" for check in CHECKS_OF_JOBS.values())})
    returning id
)
update job_items set state = 'cancelled', lease_until_at = null, finished_at = now(),
    fencing_token = fencing_token + 1
where state in ('queued', 'running') and job_id in (select id from unreadable)
"""
CANCEL_UNREADABLE_ITEMS = f"""
update job_items set subject = id::text, state = 'cancelled', lease_until_at = null,
    finished_at = now(), fencing_token = fencing_token + 1
where not ({CHECK_OF_ITEMS})
"""

# Those that `toetsfeedback build` adds.
STARTED_BY_COMMAND = f"""
create policy command on jobs as restrictive for insert to {OPERATOR} with check (
    kind = 'documents.build' and state in ('queued', 'done')
    and requested_by = 'cli' and trace_id is null
)
"""


def upgrade() -> None:
    _restrict_jobs()


def downgrade() -> None:
    op.execute("drop policy command on jobs")
    op.execute("alter table job_items drop constraint ck_job_items_subject_is_plain")
    for name in CHECKS_OF_JOBS:
        op.execute(f"alter table jobs drop constraint ck_jobs_{name}")


def _restrict_jobs() -> None:
    op.execute(CANCEL_UNREADABLE)
    op.execute(CANCEL_UNREADABLE_ITEMS)
    for name, check in CHECKS_OF_JOBS.items():
        op.execute(f"alter table jobs add constraint ck_jobs_{name} check ({check})")
    plain = f"constraint ck_job_items_subject_is_plain check ({CHECK_OF_ITEMS})"
    op.execute(f"alter table job_items add {plain}")
    op.execute(STARTED_BY_COMMAND)
