"""reads over years: no read gets slower with the administrations of other years.

The policy of documents compared their revision with those of all participations, of every year and
school, which each statement read. It looks up the one of the document now. The schools of a caller
are in a hash table that a statement makes once, since an integrator has thousands of them, and
were compared with each row one after the other.

An import also takes the statistics of the tables that get so few rows a year that PostgreSQL does
not do so itself.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261207_reads_over_years"
down_revision: str | None = "20261206_removals"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PRODUCTS = ("studentFeedback", "schoolFeedback", "testViewing")
IS_OPERATOR = "(select current_setting('toetsfeedback.kind', true)) = 'operator'"

IS_REACHED = "school_id in (select unnest((select reached_schools({}))))"
EARLIER_IS_REACHED = "school_id = any((select reached_schools({}))::varchar[])"

IS_CURRENT = """facts_revision = (
    select part.facts_revision from participations part
    where part.administration_id = documents.administration_id
      and part.school_id = documents.school_id and part.removed_at is null)"""
EARLIER_IS_CURRENT = """(administration_id, school_id, facts_revision) in (
    select part.administration_id, part.school_id, part.facts_revision
    from participations part where part.removed_at is null)"""

RELEASED_IDS = "(select released_component_ids('{}'))::integer[]"

ANALYZE = """
create or replace function analyze_imported_tables() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    analyze {tables};
end
$$
"""
EARLIER_ANALYZED = "class_groups, students, results, scale_scores, item_results"
ANALYZED = (
    "administrations, target_groups, components, levels, level_descriptions, schools,"
    f" participations, {EARLIER_ANALYZED}"
)


def upgrade() -> None:
    _replace_policies(IS_REACHED, IS_CURRENT)
    op.execute(ANALYZE.format(tables=ANALYZED))


def downgrade() -> None:
    op.execute(ANALYZE.format(tables=EARLIER_ANALYZED))
    _replace_policies(EARLIER_IS_REACHED, EARLIER_IS_CURRENT)


def _replace_policies(is_reached: str, is_current: str) -> None:
    of_students = is_reached.format(f"'{PRODUCTS[0]}'")
    released = f"component_id = any({RELEASED_IDS.format(PRODUCTS[0])})"
    documents = "".join(
        f" when '{product}' then {is_reached.format(repr(product))}"
        f" and component_ids <@ {RELEASED_IDS.format(product)}"
        for product in PRODUCTS
    )
    for table, condition in {
        "participations": f"{IS_OPERATOR} or {is_reached.format('null')}",
        "class_groups": of_students,
        "students": of_students,
        "results": f"superseded_at is null and {of_students} and {released}",
        "documents": f"(case product_of_document_kind(kind){documents} end) and {is_current}",
    }.items():
        op.execute(f"alter policy seen on {table} using ({condition})")
