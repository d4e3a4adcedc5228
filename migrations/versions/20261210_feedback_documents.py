"""feedback documents: two kinds of documents, with one document per school and opening.

The components of a document of school feedback open together. Its first component identifies it
among those of its kind and school: no component is in two of them.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "20261210_feedback_documents"
down_revision: str | None = "20261209_school_feedback"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
DOCUMENTS, FIRST, IDENTITY = "documents", "first_component_id", "uq_documents_identity"
KIND_KNOWN, OF_FEEDBACK = "ck_documents_kind_known", "ck_documents_component_of_school_feedback"
STUDENT_KINDS = ("fiche", "overview", "ficheBundle", "fichePrint")
SCHOOL_KINDS = ("schoolFeedbackReport", "schoolFeedbackWorkbook")
EARLIER_IDENTITY = ["administration_id", "school_id", "kind", "class_group_id", "student_id"]

PRODUCT_OF_KIND = """
create or replace function product_of_document_kind(kind varchar) returns varchar
language sql immutable parallel safe return case {cases} end
"""
OF_STUDENTS = f"when kind in {STUDENT_KINDS} then 'studentFeedback'"
OF_SCHOOLS = f"when kind in {SCHOOL_KINDS} then 'schoolFeedback'"

# `visible_document` takes as long for each product, whatever a document is about.
EARLIER_PRODUCTS, PRODUCTS = (
    "array['studentFeedback']",
    "array['studentFeedback', 'schoolFeedback']",
)

# What reads the kind of a document: the type of that cannot change while there are any.
KIND_OF_DOCUMENT = """
create function kind_of_document(sought uuid) returns varchar
language sql stable security definer set search_path = public, pg_temp
return (select kind from documents where id = sought)
"""
POLICIES = """
select policy.polname as name, policy.polrelid::regclass::text as relation,
    policy.polcmd as command,
    pg_get_expr(policy.polqual, policy.polrelid) as condition,
    pg_get_expr(policy.polwithcheck, policy.polrelid) as added,
    array(select rolname from pg_roles where oid = any (policy.polroles)) as roles
from pg_policy policy
where policy.oid in (
    select objid from pg_depend
    join pg_attribute on attrelid = refobjid and attnum = refobjsubid
    where classid = 'pg_policy'::regclass and refobjid = 'documents'::regclass and attname = 'kind'
)
order by relation, name
"""
COMMANDS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}


def upgrade() -> None:
    _set_length_of_kind(32)
    op.add_column(DOCUMENTS, sa.Column(FIRST, sa.Integer(), nullable=True))
    op.create_foreign_key(op.f(f"fk_documents_{FIRST}"), DOCUMENTS, "components", [FIRST], ["id"])
    for privilege, program in (("select", API), ("update", WORKER)):
        op.execute(f"grant {privilege} ({FIRST}) on {DOCUMENTS} to {program}")
    _set_kinds((*STUDENT_KINDS, *SCHOOL_KINDS), f"{OF_STUDENTS} {OF_SCHOOLS}")
    op.create_check_constraint(
        op.f(OF_FEEDBACK), DOCUMENTS, f"(kind in {SCHOOL_KINDS}) = ({FIRST} is not null)"
    )
    _create_identity([*EARLIER_IDENTITY, FIRST])
    _replace_products(EARLIER_PRODUCTS, PRODUCTS)


def downgrade() -> None:
    _replace_products(PRODUCTS, EARLIER_PRODUCTS)
    op.execute(f"delete from {DOCUMENTS} where kind in {SCHOOL_KINDS}")
    op.execute("set constraints all immediate")
    _create_identity(EARLIER_IDENTITY)
    op.drop_constraint(op.f(OF_FEEDBACK), DOCUMENTS)
    _set_kinds(STUDENT_KINDS, OF_STUDENTS)
    op.drop_column(DOCUMENTS, FIRST)
    _set_length_of_kind(16)


def _set_length_of_kind(length: int) -> None:
    policies = op.get_bind().execute(sa.text(POLICIES)).all()
    for one in policies:
        op.execute(f"drop policy {one.name} on {one.relation}")
    op.execute("drop function kind_of_document")
    op.alter_column(DOCUMENTS, "kind", type_=sa.String(length=length))
    op.execute(KIND_OF_DOCUMENT)
    op.execute("revoke execute on function kind_of_document from public")
    op.execute(f"grant execute on function kind_of_document to {API}")
    for one in policies:
        op.execute(_policy(one))


def _policy(one: Any) -> str:
    condition = f" using ({one.condition})" if one.condition else ""
    added = f" with check ({one.added})" if one.added else ""
    roles = ", ".join(one.roles)
    command = COMMANDS[one.command]
    return f"create policy {one.name} on {one.relation} for {command} to {roles}{condition}{added}"


def _set_kinds(kinds: tuple[str, ...], cases: str) -> None:
    op.drop_constraint(op.f(KIND_KNOWN), DOCUMENTS)
    op.create_check_constraint(op.f(KIND_KNOWN), DOCUMENTS, f"kind in {kinds}")
    op.execute(PRODUCT_OF_KIND.format(cases=cases))


def _create_identity(columns: list[str]) -> None:
    op.drop_index(IDENTITY, table_name=DOCUMENTS)
    op.create_index(IDENTITY, DOCUMENTS, columns, unique=True, postgresql_nulls_not_distinct=True)


def _replace_products(former: str, products: str) -> None:
    query = sa.text("select pg_get_functiondef('visible_document(uuid)'::regprocedure)")
    definition: str = op.get_bind().execute(query).scalar_one()
    if former not in definition:
        raise ValueError(f"visible_document has no {former}: it is not that of {down_revision}")
    op.execute(definition.replace(former, products).replace(":", r"\:"))
