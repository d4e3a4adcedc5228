"""equal refusals: reach and gate are decided before a row is read by its id.

A row policy is evaluated for a row only, so that an id that does not exist was refused sooner than
one of another school. The functions here decide about the nearest row: the sought one, or else the
next in the order of ids, or else the last. They read as many rows for every id, and compute reach
and gate for every id. Row policies stay, for what these functions let through.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261129_equal_refusals"
down_revision: str | None = "20261129_windows_of_components"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
DEFINER = "security definer set search_path = public, pg_temp"

NEAREST = """
select {columns} {into} from {table}
where id >= least(sought, (select id from {table} order by id desc limit 1))
order by id limit 1
"""

NEAREST_STUDENT = NEAREST.format(columns="id, school_id", into="into nearest", table="students")
NEAREST_DOCUMENT = NEAREST.format(
    columns="id, school_id, kind, component_ids", into="into nearest", table="documents"
)

VISIBLE_STUDENT = f"""
create function visible_student(sought uuid) returns uuid
language plpgsql stable {DEFINER} as $$
declare
    nearest record;
    is_reached boolean;
begin
    {NEAREST_STUDENT};
    is_reached := nearest.school_id = any (coalesce(reached_schools('studentFeedback'), '{{}}'));
    return case when is_reached and nearest.id = sought then sought end;
end
$$
"""

# A new product of documents becomes an element of the array.
VISIBLE_DOCUMENT = f"""
create function visible_document(sought uuid) returns uuid
language plpgsql stable {DEFINER} as $$
declare
    nearest record;
    product varchar;
    is_reached boolean;
    is_released boolean;
    is_visible boolean := false;
begin
    {NEAREST_DOCUMENT};
    foreach product in array array['studentFeedback'] loop
        is_reached := nearest.school_id = any (coalesce(reached_schools(product), '{{}}'));
        is_released :=
            nearest.component_ids <@ coalesce(released_component_ids(product), '{{}}');
        if product = product_of_document_kind(nearest.kind) then
            is_visible := is_reached and is_released;
        end if;
    end loop;
    return case when is_visible and nearest.id = sought then sought end;
end
$$
"""

SCHOOL_OF = """
create or replace function school_of_{noun}(sought uuid) returns varchar
language sql stable {definer}
return (select case when nearest.id = sought then nearest.school_id end from ({nearest}) nearest)
"""
FORMER_SCHOOL_OF = """
create or replace function school_of_{noun}(sought uuid) returns varchar
language sql stable {definer}
return (select school_id from {noun}s where id = sought)
"""


def upgrade() -> None:
    op.execute(VISIBLE_STUDENT)
    op.execute(VISIBLE_DOCUMENT)
    for noun in ("student", "document"):
        nearest = NEAREST.format(columns="id, school_id", into="", table=f"{noun}s")
        op.execute(SCHOOL_OF.format(noun=noun, definer=DEFINER, nearest=nearest))
        op.execute(f"revoke execute on function visible_{noun} from public")
        op.execute(f"grant execute on function visible_{noun} to {API}")


def downgrade() -> None:
    for noun in ("student", "document"):
        op.execute(f"drop function visible_{noun}")
        op.execute(FORMER_SCHOOL_OF.format(noun=noun, definer=DEFINER))
