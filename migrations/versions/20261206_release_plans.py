"""release plans: openings with manifests and approvals, recalls, and the gate that judges them.

A window that has opened before stays open, marked `before_plans`; one that opens later needs an
opening with approvals, like any other. The downgrade is refused while that would open something.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261206_release_plans"
down_revision: str | None = "20261208_hand_overs"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
STUDENT_FEEDBACK, SCHOOL_FEEDBACK = "studentFeedback", "schoolFeedback"
PRODUCTS = (STUDENT_FEEDBACK, SCHOOL_FEEDBACK, "testViewing")
PRODUCT_KNOWN = f"product in {PRODUCTS}"
INSTANT = postgresql.TIMESTAMP(timezone=True)
DEFINER = "security definer set search_path = public, pg_temp"
IS_OPERATOR = "(select current_setting('toetsfeedback.kind', true)) = 'operator'"
RANDOM_ID = sa.text("gen_random_uuid()")

# The person behind the client that the transaction acts for; null for a login of its own.
CALLING_PERSON = f"""
create function calling_person() returns uuid
language sql stable {DEFINER} return (
    select person_id from clients
    where current_setting('toetsfeedback.kind', true) = 'operator'
      and id::text = current_setting('toetsfeedback.client', true)
      and kind = 'operator' and state = 'active'
)
"""

# The API sets the limit while its clock and that of the database differ: nothing opens meanwhile.
GATE_MOMENT = """
create function gate_moment() returns timestamptz language sql stable parallel safe return
    least(now(), nullif(current_setting('toetsfeedback.gate_limit', true), '')::timestamptz)
"""

# The condition that opens an opening at its moment, as of that moment: nothing that happens later
# changes it.
IS_APPROVED = """
    manifest.opening_id = opening.id and manifest.epoch = opening.epoch and manifest.is_complete
    and not exists (
        select from manifests later
        where later.opening_id = opening.id and later.number > manifest.number
    )
    and (
        select count(distinct approval.person_id) from opening_approvals approval
        where approval.manifest_id = manifest.id
          and approval.manifest_hash = manifest.content_hash
          and approval.approved_at <= opening.opens_at
          and approval.expires_at > opening.opens_at
          and (approval.voided_at is null or approval.voided_at >= opening.opens_at)
          and not exists (
              select from opening_planners planner
              where planner.opening_id = opening.id and planner.person_id = approval.person_id
          )
    ) >= opening.approvals_needed
"""
APPROVED_OPENINGS = f"""
create view approved_openings as
select opening.id, opening.administration_id, opening.product, opening.opens_at,
       opening.recall_id, manifest.id as manifest_id, manifest.component_ids
from openings opening join manifests manifest on {IS_APPROVED}
"""
EFFECTIVE_OPENINGS = """
create view effective_openings as
select * from approved_openings where opens_at <= gate_moment()
"""
ACTIVE_RECALLS = """
create view active_recalls as
select * from recalls where not exists (
    select from effective_openings opening where opening.recall_id = recalls.id
)
"""

# The windows of the most specific scope decide, those of place 1. Only a window that names a
# calibration decides about it, and only in school feedback.
DECIDING_WINDOWS = f"""
create view deciding_windows as
select component.administration_id, component.target_group_id, component.id as component_id,
       release_window.product, release_window.opens_at, release_window.closes_at,
       release_window.never, release_window.before_plans,
       rank() over (
           partition by component.id, release_window.product
           order by release_window.component_id is not null desc,
                    release_window.target_group_id is not null desc
       ) as place
from components component
join release_windows release_window
    on release_window.administration_id = component.administration_id
    and (release_window.target_group_id is null
         or release_window.target_group_id = component.target_group_id)
    and (release_window.component_id is null or release_window.component_id = component.id)
    and (not component.is_calibration
         or (release_window.component_id is not null
             and release_window.product = '{SCHOOL_FEEDBACK}'))
where component.removed_at is null
"""

# An opening opens the components of its manifest, and no others: a later plan that lets its window
# decide about another component opens nothing.
IS_OPEN = """decisive.place = 1 and not decisive.never
    and (decisive.closes_at is null or now() < decisive.closes_at)
    and case when decisive.before_plans then decisive.opens_at <= public.gate_moment()
             else decisive.component_id = any (opening.component_ids) end"""
OPENED_COMPONENTS = f"""
create view opened_components as
select decisive.administration_id, decisive.product, decisive.component_id,
       decisive.target_group_id
from deciding_windows decisive
left join effective_openings opening
    on opening.administration_id = decisive.administration_id
    and opening.product = decisive.product
    and opening.opens_at = decisive.opens_at
    and opening.recall_id is null
where {IS_OPEN}
"""
RELEASED_COMPONENTS = """
create or replace view released_components as
select administration_id, product, component_id from opened_components opened
where not exists (
    select from active_recalls recall
    where recall.administration_id = opened.administration_id
      and recall.product = opened.product
      and recall.school_id is null
      and (recall.component_id is null or recall.component_id = opened.component_id)
      and (recall.target_group_id is null or recall.target_group_id = opened.target_group_id)
)
"""
RECALLED_PRODUCTS = """
create view recalled_products as
select distinct product from recalls where school_id is null
"""
FORMER_RELEASED_COMPONENTS = f"""
create or replace view released_components as
select decisive.administration_id, decisive.product, decisive.component_id
from (
    select distinct on (component.id, release_window.product)
        component.administration_id, release_window.product, component.id as component_id,
        release_window.is_open
    from components component
    join (
        select administration_id, product, target_group_id, component_id, coalesce(
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

# In PL/pgSQL, a session plans the queries once and not at every call. Without a recall, the shorter
# one has the same result, and looks at each opening once.
RELEASED_IDS = f"""
create or replace function released_component_ids(sought varchar) returns integer[]
language plpgsql stable parallel safe as $$
begin
    if exists (select from public.recalled_products recalled where recalled.product = sought) then
        return array(
            select released.component_id from public.released_components released
            where released.product = sought
        );
    end if;
    return array(
        with effective as materialized (
            select * from public.effective_openings opening
            where opening.product = sought and opening.recall_id is null
        )
        select decisive.component_id from public.deciding_windows decisive
        left join effective opening
            on opening.administration_id = decisive.administration_id
            and opening.opens_at = decisive.opens_at
        where decisive.product = sought and {IS_OPEN}
    );
end
$$
"""
FORMER_RELEASED_IDS = """
create or replace function released_component_ids(sought varchar) returns integer[]
language sql stable parallel safe return (
    select array_agg(released.component_id) from released_components released
    where released.product = sought
)
"""
RECALLED_SCHOOLS = f"""
create function recalled_schools(sought varchar) returns text[]
language plpgsql stable parallel safe {DEFINER} as $$
begin
    return coalesce((
        select array_agg(recall.administration_id || '/' || recall.school_id)
        from active_recalls recall
        where recall.product = sought and recall.school_id is not null
    ), '{{}}');
end
$$
"""

NEAREST_DOCUMENT = """
    select id, administration_id, school_id, kind, component_ids into nearest from documents
    where id >= least(sought, (select id from documents order by id desc limit 1))
    order by id limit 1;
"""
VISIBLE_DOCUMENT = f"""
create or replace function visible_document(sought uuid) returns uuid
language plpgsql stable {DEFINER} as $$
declare
    nearest record;
    product varchar;
    is_reached boolean;
    is_released boolean;
    is_visible boolean := false;
begin
    {NEAREST_DOCUMENT}
    foreach product in array array['{STUDENT_FEEDBACK}'] loop
        is_reached := nearest.school_id = any (coalesce(reached_schools(product), '{{{{}}}}'));
        is_released := {{released}};
        if product = product_of_document_kind(nearest.kind) then
            is_visible := is_reached and is_released;
        end if;
    end loop;
    return case when is_visible and nearest.id = sought then sought end;
end
$$
"""
ARE_RELEASED = "nearest.component_ids <@ coalesce(released_component_ids(product), '{}')"
ARE_NOT_RECALLED = (
    "nearest.administration_id || '/' || nearest.school_id <> all (recalled_schools(product))"
)

IS_REACHED = "school_id in (select unnest((select reached_schools('{}'))))"
RELEASED = "(select released_component_ids('{}'))::integer[]"
NOT_RECALLED = (
    "administration_id || '/' || school_id <> all ((select recalled_schools('{}'))::text[])"
)
IS_CURRENT = """facts_revision = (
    select part.facts_revision from participations part
    where part.administration_id = documents.administration_id
      and part.school_id = documents.school_id and part.removed_at is null)"""

WOULD_OPEN = """
do $$
begin
    if exists (select from active_recalls)
        or exists (select from release_windows where opens_at is not null and not before_plans)
    then
        raise exception 'the earlier version would open what is not approved or recalled: delete'
            ' the recalls, and the release windows that are not marked before_plans, first';
    end if;
end
$$
"""

# A window that gets another moment is planned like any other.
END_BEFORE_PLANS = """
create function end_before_plans() returns trigger language plpgsql as $$
begin
    new.before_plans := false;
    return new;
end
$$
"""
END_TRIGGER = """
create trigger end_before_plans before update of opens_at on release_windows
for each row when (old.before_plans and old.opens_at is distinct from new.opens_at)
execute function end_before_plans()
"""

# What the API shows operators; it writes recalls, and nothing else.
READ_BY_API = {
    "openings": "id, administration_id, product, opens_at, recall_id, coverage, epoch,"
    " observed_epoch, approvals_needed, planned_at",
    "opening_planners": "opening_id, person_id",
    "manifests": "id, opening_id, number, epoch, component_ids, is_complete, content,"
    " content_hash, signature, counts, made_at",
    "manifest_findings": "id, manifest_id, kind, code, school_id, student_id, document_id",
    "opening_approvals": "manifest_id, person_id, client_id, manifest_hash, approved_at,"
    " expires_at, voided_at",
    "recalls": "id, administration_id, product, target_group_id, component_id, school_id, reason,"
    " recalled_at, recalled_by, reopens_at",
}
VIEWS_OF_API = {
    "approved_openings": "id, administration_id, product, opens_at, recall_id, manifest_id,"
    " component_ids",
    "effective_openings": "id, administration_id, product, opens_at, recall_id, manifest_id,"
    " component_ids",
    "deciding_windows": "administration_id, target_group_id, component_id, product, opens_at,"
    " closes_at, never, before_plans, place",
    "opened_components": "administration_id, product, component_id, target_group_id",
    "recalled_products": "product",
    "active_recalls": "id, administration_id, product, target_group_id, component_id, school_id,"
    " reason, recalled_at, recalled_by, reopens_at",
}
READ_BY_WORKER = ("openings", "manifests", "manifest_findings", "recalls", "approved_openings")
VIEWS = (
    *("opened_components", "deciding_windows", "recalled_products", "active_recalls"),
    *("effective_openings", "approved_openings"),
)
TABLES = ("manifest_findings", "opening_approvals", "manifests", "opening_planners", "openings")


BEFORE_PLANS: sa.Column[bool] = sa.Column(
    "before_plans", sa.Boolean(), server_default=sa.text("false"), nullable=False
)


def upgrade() -> None:
    op.add_column("release_windows", BEFORE_PLANS)
    op.execute("update release_windows set before_plans = true where opens_at <= now()")
    op.execute(f"grant select (before_plans) on release_windows to {API}")
    op.execute(END_BEFORE_PLANS)
    op.execute("revoke execute on function end_before_plans from public")
    op.execute(END_TRIGGER)
    op.execute(CALLING_PERSON)
    op.execute("revoke execute on function calling_person from public")
    op.execute(f"grant execute on function calling_person to {API}")
    op.execute(GATE_MOMENT)
    _create_recalls()
    _create_openings()
    _create_manifests()
    _create_approvals()
    for view in (
        *(APPROVED_OPENINGS, EFFECTIVE_OPENINGS, ACTIVE_RECALLS, RECALLED_PRODUCTS),
        *(DECIDING_WINDOWS, OPENED_COMPONENTS),
    ):
        op.execute(view)
    op.execute(RELEASED_COMPONENTS)
    op.execute(RELEASED_IDS)
    op.execute(RECALLED_SCHOOLS)
    op.execute("revoke execute on function recalled_schools from public")
    op.execute(f"grant execute on function recalled_schools to {API}")
    op.execute(
        VISIBLE_DOCUMENT.format(released=f"{ARE_RELEASED}\n            and {ARE_NOT_RECALLED}")
    )
    _replace_policies(f" and {NOT_RECALLED}")
    _protect()


def downgrade() -> None:
    op.execute(WOULD_OPEN)
    _replace_policies("")
    op.execute(VISIBLE_DOCUMENT.format(released=ARE_RELEASED))
    op.execute("drop function recalled_schools")
    op.execute(FORMER_RELEASED_IDS)
    op.execute(FORMER_RELEASED_COMPONENTS)
    for view in VIEWS:
        op.execute(f"drop view {view}")
    for table in TABLES:
        op.drop_table(table)
    op.drop_table("recalls")
    op.execute("drop function gate_moment")
    op.execute("drop function calling_person")
    op.execute("drop trigger end_before_plans on release_windows")
    op.execute("drop function end_before_plans")
    op.drop_column("release_windows", "before_plans")


def _create_recalls() -> None:
    op.create_table(
        "recalls",
        sa.Column("id", sa.Uuid(), server_default=RANDOM_ID, nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("product", sa.String(length=32), nullable=False),
        sa.Column("target_group_id", sa.Integer(), nullable=True),
        sa.Column("component_id", sa.Integer(), nullable=True),
        sa.Column("school_id", sa.String(length=6), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        _instant("recalled_at", server_default=sa.text("clock_timestamp()")),
        sa.Column("recalled_by", sa.Uuid(), server_default=sa.text("calling_person()")),
        sa.Column("reopens_at", INSTANT, nullable=True),
        _check("recalls", "product_known", PRODUCT_KNOWN),
        _check(
            "recalls", "one_scope", "num_nonnulls(target_group_id, component_id, school_id) <= 1"
        ),
        _check("recalls", "reopens_later", "reopens_at > recalled_at"),
        _check("recalls", "reason_is_short", "length(reason) between 1 and 300"),
        _reference("recalls", "administration_id", "administrations"),
        _reference("recalls", "target_group_id", "target_groups"),
        _reference("recalls", "component_id", "components"),
        _reference("recalls", "school_id", "schools"),
        _reference("recalls", "recalled_by", "persons"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recalls")),
    )
    op.create_index(op.f("ix_recalls_administration_id"), "recalls", ["administration_id"])


def _create_openings() -> None:
    op.create_table(
        "openings",
        sa.Column("id", sa.Uuid(), server_default=RANDOM_ID, nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("product", sa.String(length=32), nullable=False),
        _instant("opens_at"),
        sa.Column("recall_id", sa.Uuid(), nullable=True),
        sa.Column(
            "coverage", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("observed_epoch", sa.BigInteger(), nullable=True),
        sa.Column(
            "approvals_needed", sa.SmallInteger(), server_default=sa.text("2"), nullable=False
        ),
        _instant("planned_at", server_default=sa.text("now()")),
        _check("openings", "product_known", PRODUCT_KNOWN),
        _check("openings", "two_persons_approve", "approvals_needed >= 2"),
        _reference("openings", "administration_id", "administrations"),
        _reference("openings", "recall_id", "recalls"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openings")),
    )
    op.create_index(
        "uq_openings_moment",
        "openings",
        ["administration_id", "product", "opens_at", "recall_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "opening_planners",
        sa.Column("opening_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        _reference("opening_planners", "opening_id", "openings"),
        _reference("opening_planners", "person_id", "persons"),
        sa.PrimaryKeyConstraint("opening_id", "person_id", name=op.f("pk_opening_planners")),
    )


def _create_manifests() -> None:
    op.create_table(
        "manifests",
        sa.Column("id", sa.Uuid(), server_default=RANDOM_ID, nullable=False),
        sa.Column("opening_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("component_ids", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        _instant("made_at", server_default=sa.text("clock_timestamp()")),
        _check("manifests", "hash_of_content", "content_hash = sha256(content)"),
        _reference("manifests", "opening_id", "openings"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manifests")),
        sa.UniqueConstraint("opening_id", "number", name=op.f("uq_manifests_opening_id_number")),
    )
    table = "manifest_findings"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("manifest_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=True),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        _check(table, "kind_known", "kind in ('fault', 'exception')"),
        _check(table, "code_is_a_word", "code ~ '^[A-Za-z]+$'"),
        _reference(table, "manifest_id", "manifests"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_manifest_id"), table, ["manifest_id", "school_id"])


def _create_approvals() -> None:
    table = "opening_approvals"
    op.create_table(
        table,
        sa.Column("manifest_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("manifest_hash", sa.LargeBinary(), nullable=False),
        _instant("approved_at"),
        _instant("expires_at"),
        sa.Column("voided_at", INSTANT, nullable=True),
        _check(table, "expires_later", "expires_at > approved_at"),
        _check(table, "voided_later", "voided_at >= approved_at"),
        _reference(table, "manifest_id", "manifests"),
        _reference(table, "person_id", "persons"),
        _reference(table, "client_id", "clients"),
        sa.PrimaryKeyConstraint("manifest_id", "person_id", name=op.f(f"pk_{table}")),
    )


def _protect() -> None:
    for table, columns in READ_BY_API.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"grant select ({columns}) on {table} to {API}")
        op.execute(f"create policy seen on {table} for select to {API} using ({IS_OPERATOR})")
    for view, columns in VIEWS_OF_API.items():
        op.execute(f"grant select ({columns}) on {view} to {API}")
    for name in READ_BY_WORKER:
        op.execute(f"grant select on {name} to {WORKER}")
    for table in ("openings", "manifests", "manifest_findings", "recalls"):
        op.execute(f"create policy others on {table} for select to {WORKER} using (true)")
    written = "administration_id, product, target_group_id, component_id, school_id, reason"
    op.execute(f"grant insert ({written}) on recalls to {API}")
    op.execute(f"grant update (reopens_at) on recalls to {API}")
    op.execute(f"create policy added on recalls for insert to {API} with check ({IS_OPERATOR})")
    op.execute(
        f"create policy changed on recalls for update to {API} using ({IS_OPERATOR})"
        f" with check ({IS_OPERATOR})"
    )


def _replace_policies(not_recalled: str) -> None:
    recalled = not_recalled.format(STUDENT_FEEDBACK)
    released = f"component_id = any({RELEASED.format(STUDENT_FEEDBACK)})"
    reached = IS_REACHED.format(STUDENT_FEEDBACK)
    op.execute(
        "alter policy seen on results using"
        f" (superseded_at is null and {reached} and {released}{recalled})"
    )
    cases = (
        f" when '{product}' then {IS_REACHED.format(product)}"
        f" and component_ids <@ {RELEASED.format(product)}{not_recalled.format(product)}"
        for product in PRODUCTS
    )
    documents = f"case product_of_document_kind(kind){''.join(cases)} end"
    op.execute(f"alter policy seen on documents using (({documents}) and {IS_CURRENT})")


def _instant(name: str, server_default: sa.TextClause | None = None) -> sa.Column[object]:
    return sa.Column(name, INSTANT, server_default=server_default, nullable=False)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _reference(table: str, column: str, referenced: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{referenced}.id"], name=name)
