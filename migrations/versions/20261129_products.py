"""products: release windows, gate and policies for each product.

The downgrade removes the windows of the other products. It fails while a scope has several windows
of student feedback: reduce these to one first.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261129_products"
down_revision: str | None = "20261128_standard_names"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
WINDOWS = "release_windows"
PRODUCT_KNOWN, FINITE = "ck_release_windows_product_known", "ck_release_windows_opens_at_finite"
UNIQUE, OVERLAP = "uq_release_windows_scope", "ex_release_windows_overlap"
SCOPE = ["administration_id", "product", "target_group_id", "component_id"]

STUDENT_FEEDBACK, SCHOOL_FEEDBACK = "studentFeedback", "schoolFeedback"
PRODUCTS = (STUDENT_FEEDBACK, SCHOOL_FEEDBACK, "testViewing")

PERIOD = """case
    when never then tstzrange(null, null)
    when opens_at is null then tstzrange('-infinity', '-infinity', '[]')
    else tstzrange(opens_at, closes_at)
end"""

# The windows of the most specific scope decide; the scope is open if one of its windows is. Only a
# window that names a calibration decides about it, and only in school feedback. One join and one
# sort: windows are few, and a lateral subquery per component is slower.
RELEASED_COMPONENTS = f"""
create or replace view released_components as
select decisive.administration_id, decisive.product, decisive.component_id
from (
    select distinct on (component.id, release_window.product)
        component.administration_id, release_window.product, component.id as component_id,
        release_window.is_open
    from components component
    join (
        select *, coalesce(
            not never and opens_at <= now() and (closes_at is null or now() < closes_at), false
        ) as is_open
        from release_windows
    ) release_window
        on release_window.administration_id = component.administration_id
        and (release_window.target_group_id is null
             or release_window.target_group_id = component.target_group_id)
        and (release_window.component_id is null or release_window.component_id = component.id)
        and (not component.is_calibration
             or (release_window.component_id is not null
                 and release_window.product = '{SCHOOL_FEEDBACK}'))
    where component.removed_at is null
    order by component.id,
             release_window.product,
             release_window.component_id is not null desc,
             release_window.target_group_id is not null desc,
             release_window.is_open desc
) decisive
where decisive.is_open
"""

FORMER_RELEASED_COMPONENTS = """
create or replace view released_components as
select component.administration_id, decisive.product, component.id as component_id
from components component
cross join lateral (
    select distinct on (release_window.product) release_window.*
    from release_windows release_window
    where release_window.administration_id = component.administration_id
      and (release_window.target_group_id is null
           or release_window.target_group_id = component.target_group_id)
      and (release_window.component_id is null or release_window.component_id = component.id)
    order by release_window.product,
             release_window.component_id is not null desc,
             release_window.target_group_id is not null desc
) decisive
where component.removed_at is null
  and not component.is_calibration
  and not decisive.never
  and decisive.opens_at <= now()
  and (decisive.closes_at is null or now() < decisive.closes_at)
"""

RELEASED_IDS = """
create function released_component_ids({parameter}) returns integer[]
language sql stable parallel safe return (
    select array_agg(released.component_id) from released_components released
    where released.product = {product}
)
"""

# A new kind of document replaces this function; the policies do not change.
PRODUCT_OF_KIND = f"""
create function product_of_document_kind(kind varchar) returns varchar
language sql immutable parallel safe return case
    when kind in ('fiche', 'overview', 'ficheBundle', 'fichePrint') then '{STUDENT_FEEDBACK}'
end
"""

# A download grant needs the product of its document before the policies show the document.
KIND_OF_DOCUMENT = """
create function kind_of_document(sought uuid) returns varchar
language sql stable security definer set search_path = public, pg_temp
return (select kind from documents where id = sought)
"""

IS_REACHED = "school_id = any((select reached_schools('{}'))::varchar[])"
IS_CURRENT = """(administration_id, school_id, facts_revision) in (
    select part.administration_id, part.school_id, part.facts_revision
    from participations part where part.removed_at is null)"""


def upgrade() -> None:
    op.execute("create extension if not exists btree_gist")
    op.drop_constraint(op.f(PRODUCT_KNOWN), WINDOWS)
    op.create_check_constraint(op.f(PRODUCT_KNOWN), WINDOWS, f"product in {PRODUCTS}")
    op.create_check_constraint(op.f(FINITE), WINDOWS, "isfinite(opens_at)")
    op.execute(
        f"alter table {WINDOWS} add constraint {OVERLAP} exclude using gist ("
        " administration_id with =, product with =, coalesce(target_group_id, 0) with =,"
        f" coalesce(component_id, 0) with =, ({PERIOD}) with &&)"
    )
    op.drop_index(UNIQUE, table_name=WINDOWS)
    op.execute(RELEASED_COMPONENTS)
    op.execute(RELEASED_IDS.format(parameter="sought varchar", product="sought"))
    op.execute(PRODUCT_OF_KIND)
    op.execute(KIND_OF_DOCUMENT)
    op.execute("revoke execute on function kind_of_document from public")
    op.execute(f"grant execute on function kind_of_document to {API}")
    _replace_policies(STUDENT_FEEDBACK, f"({_documents_of_each_product()}) and {IS_CURRENT}")
    op.execute("drop function released_component_ids()")


def downgrade() -> None:
    op.execute(f"delete from {WINDOWS} where product <> '{STUDENT_FEEDBACK}'")
    op.create_index(UNIQUE, WINDOWS, SCOPE, unique=True, postgresql_nulls_not_distinct=True)
    op.drop_constraint(OVERLAP, WINDOWS)
    op.drop_constraint(op.f(FINITE), WINDOWS)
    op.drop_constraint(op.f(PRODUCT_KNOWN), WINDOWS)
    op.create_check_constraint(op.f(PRODUCT_KNOWN), WINDOWS, f"product in ('{STUDENT_FEEDBACK}')")
    op.execute(FORMER_RELEASED_COMPONENTS)
    op.execute(RELEASED_IDS.format(parameter="", product=f"'{STUDENT_FEEDBACK}'"))
    _replace_policies("", f"{_readable_condition(STUDENT_FEEDBACK, '')} and {IS_CURRENT}")
    op.execute("drop function released_component_ids(varchar)")
    op.execute("drop function product_of_document_kind")
    op.execute("drop function kind_of_document")
    op.execute("drop extension btree_gist")


def _replace_policies(released_product: str, documents: str) -> None:
    released = f"component_id = any({_released_ids(released_product)})"
    reached = IS_REACHED.format(STUDENT_FEEDBACK)
    op.execute(
        f"alter policy seen on results using (superseded_at is null and {reached} and {released})"
    )
    op.execute(f"alter policy seen on documents using ({documents})")


def _documents_of_each_product() -> str:
    """Return a condition that evaluates the arrays of a product once, and only if needed."""
    cases = (
        f" when '{product}' then {_readable_condition(product, product)}" for product in PRODUCTS
    )
    return f"case product_of_document_kind(kind){''.join(cases)} end"


def _readable_condition(reached_product: str, released_product: str) -> str:
    released = f"component_ids <@ {_released_ids(released_product)}"
    return f"{IS_REACHED.format(reached_product)} and {released}"


def _released_ids(product: str) -> str:
    argument = f"'{product}'" if product else ""
    return f"(select released_component_ids({argument}))::integer[]"
