"""row policies: row-level security for the connections of the API.

The API sets the caller at the start of each transaction (`act_for`). A policy compares each row
with the caller; without a caller it shows no rows. Values that are the same for a whole statement
are in a subquery, which PostgreSQL evaluates once.

Row-level security is not forced for the owner of the tables: only migrations connect as the owner,
and the functions below need rows that the caller cannot see.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_policies"
down_revision: str | None = "20261125_roles"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, OTHERS = (
    "toetsfeedback_api",
    "toetsfeedback_worker, toetsfeedback_importer, toetsfeedback_operator",
)

REACH_FUNCTION = """
create function reached_schools(shared_product varchar) returns varchar[]
language sql stable parallel safe return
case current_setting('toetsfeedback.kind', true)
    when 'school' then array[current_setting('toetsfeedback.school', true)]::varchar[]
    when 'integrator' then (
        select array_agg(mandate.school_id) from current_mandates mandate
        where mandate.client = current_setting('toetsfeedback.client', true)
          and (shared_product is null or mandate.product = shared_product)
    )
end
"""

RELEASED_FUNCTION = """
create function released_component_ids() returns integer[]
language sql stable parallel safe return (
    select array_agg(released.component_id) from released_components released
    where released.product = 'studentFeedback'
)
"""

# The school of a row that the caller may not see, for the audit event of the denial. The functions
# return nothing else of the row.
SCHOOL_OF_ROW = """
create function school_of_{noun}(sought uuid) returns varchar
language sql stable security definer set search_path = public, pg_temp
return (select school_id from {noun}s where id = sought)
"""

ACTING = "(select current_setting('toetsfeedback.{}', true))"
KIND, CLIENT, SCHOOL = ACTING.format("kind"), ACTING.format("client"), ACTING.format("school")
IS_SCHOOL, IS_OPERATOR = f"{KIND} = 'school'", f"{KIND} = 'operator'"
IS_REACHED = "school_id = any((select reached_schools('studentFeedback'))::varchar[])"
RELEASED_IDS = "(select released_component_ids())::integer[]"
IS_CURRENT = """(administration_id, school_id, facts_revision) in (
    select part.administration_id, part.school_id, part.facts_revision
    from participations part where part.removed_at is null)"""
IS_GIVER = f"{IS_SCHOOL} and school_id = {SCHOOL}"

# The rows that the API can read, and those that it can write; None for no rows.
POLICIES: dict[str, tuple[str | None, str | None]] = {
    "participations": (
        f"{IS_OPERATOR} or school_id = any((select reached_schools(null))::varchar[])",
        None,
    ),
    "class_groups": (IS_REACHED, None),
    "students": (IS_REACHED, None),
    "results": (
        f"superseded_at is null and {IS_REACHED} and component_id = any({RELEASED_IDS})",
        None,
    ),
    "documents": (f"{IS_REACHED} and component_ids <@ {RELEASED_IDS} and {IS_CURRENT}", None),
    "scale_scores": (None, None),
    "item_results": (None, None),
    "audit_events": (f"{IS_SCHOOL} and organisation = {SCHOOL}", None),
    "audit_heads": (None, None),
    "mandates": (f"{IS_GIVER} or ({KIND} = 'integrator' and client = {CLIENT})", IS_GIVER),
    "release_windows": ("true", IS_OPERATOR),
    "deliveries": (IS_OPERATOR, IS_OPERATOR),
    "jobs": (IS_OPERATOR, IS_OPERATOR),
    "job_items": (IS_OPERATOR, IS_OPERATOR),
    "job_failures": (IS_OPERATOR, None),
}


def upgrade() -> None:
    op.execute(REACH_FUNCTION)
    op.execute(RELEASED_FUNCTION)
    for noun in ("student", "document"):
        op.execute(SCHOOL_OF_ROW.format(noun=noun))
        op.execute(f"revoke execute on function school_of_{noun} from public")
        op.execute(f"grant execute on function school_of_{noun} to {API}")
    for table, (readable, writable) in POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy others on {table} to {OTHERS} using (true) with check (true)")
        if readable is not None:
            op.execute(f"create policy seen on {table} for select to {API} using ({readable})")
        if writable is not None:
            op.execute(
                f"create policy added on {table} for insert to {API} with check ({writable})"
            )
            op.execute(
                f"create policy changed on {table} for update to {API}"
                f" using ({writable}) with check ({writable})"
            )


def downgrade() -> None:
    for table in POLICIES:
        for policy in ("others", "seen", "added", "changed"):
            op.execute(f"drop policy if exists {policy} on {table}")
        op.execute(f"alter table {table} disable row level security")
    op.execute("drop function school_of_student")
    op.execute("drop function school_of_document")
    op.execute("drop function released_component_ids")
    op.execute("drop function reached_schools")
