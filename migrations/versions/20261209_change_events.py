"""change events: what openings, recalls and corrections changed for readers, as an outbox.

Functions write them from the rows that they are about; no program writes the table. The commit
gives the numbers: a deferred trigger takes a lock that is held until the transaction has ended, so
that no number becomes visible before a lower one, and a rollback leaves no gap.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261209_change_events"
down_revision: str | None = "20261209_viewings"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER, IMPORTER = "toetsfeedback_api", "toetsfeedback_worker", "toetsfeedback_importer"
DEFINER = "security definer set search_path = public, pg_temp"
TABLE = "change_events"
PRODUCTS = ("studentFeedback", "schoolFeedback", "testViewing")
KINDS = ("opened", "recalled", "corrected")
KEPT = "interval '13 months'"

# An event is visible once the gate of the statement has reached its moment, which is never before
# that of the opening. Events of a school are for those that reach it.
IS_OPERATOR = "(select current_setting('toetsfeedback.kind', true)) = 'operator'"
IS_REACHED = "".join(
    f" when '{product}' then school_id in (select unnest((select reached_schools('{product}'))))"
    for product in PRODUCTS
)
SEEN = f"""
create policy seen on {TABLE} for select to {API} using (
    occurred_at <= (select gate_moment())
    and (school_id is null or {IS_OPERATOR} or case product{IS_REACHED} end)
)
"""
COLUMNS = (
    "id, number, kind, administration_id, school_id, product, source_id, epoch, occurred_at,"
    " component_ids"
)

# An opening that has opened, and of which something can be read now.
RECORD_OPENINGS = f"""
create function record_openings() returns bigint language sql {DEFINER} as $$
with recorded as (
    insert into {TABLE} (kind, administration_id, school_id, product, source_id, epoch)
    select 'opened', opened.administration_id, recall.school_id, opened.product, opened.id,
           opening.epoch
    from effective_openings opened
    join openings opening on opening.id = opened.id
    left join recalls recall on recall.id = opened.recall_id
    where opened.opens_at > now() - {KEPT}
      and not exists (
          select from {TABLE} known where known.kind = 'opened'
              and known.source_id = opened.id and known.epoch = opening.epoch
      )
      and exists (
          select from released_components released
          where released.administration_id = opened.administration_id
            and released.product = opened.product
            and released.component_id = any (opened.component_ids)
      )
    order by opened.opens_at, opened.id
    on conflict do nothing
    returning 1
)
select count(*) from recorded
$$
"""
RECORD_RECALL = f"""
create function record_recall(sought uuid) returns void language sql {DEFINER} as $$
    insert into {TABLE} (kind, administration_id, school_id, product, source_id)
    select 'recalled', administration_id, school_id, product, id from recalls where id = sought
    on conflict do nothing
$$
"""

# Without it, no component of the administration can be released when a transaction commits: a
# change of facts voids what is approved during it.
HAS_RELEASE = f"""
create function has_release(administration varchar) returns boolean
language plpgsql stable {DEFINER} as $$
begin
    return exists (select from approved_openings where administration_id = administration)
        or exists (select from released_components where administration_id = administration);
end
$$
"""
RECORD_CORRECTIONS = f"""
create function record_corrections(delivery uuid, schools varchar[], components integer[])
returns void language sql strict {DEFINER} as $$
    insert into {TABLE} (
        kind, administration_id, school_id, product, source_id, component_ids
    )
    select 'corrected', delivered.administration_id, corrected.school, product, delivery,
           array_agg(corrected.component)
    from deliveries delivered,
         unnest(schools, components) corrected (school, component),
         unnest(array['studentFeedback', 'schoolFeedback']) product
    where delivered.id = delivery
    group by delivered.administration_id, corrected.school, product
    order by corrected.school, product
    on conflict do nothing
$$
"""

# The gate at this moment, and not at the beginning of the transaction.
RELEASED_AT_COMMIT = f"""
create function released_at_commit(sought varchar) returns integer[]
language plpgsql volatile {DEFINER} as $$
begin
    return array(
        select component_id from released_components where product = sought
        union
        select unnest(component_ids) from approved_openings
        where product = sought and opens_at > gate_moment() and opens_at <= clock_timestamp()
    );
end
$$
"""
NUMBER_EVENTS = f"""
create function number_change_events() returns trigger language plpgsql {DEFINER} as $$
declare
    latest record;
    moment timestamptz;
begin
    if not exists (select from {TABLE} where id = new.id and number is null) then
        return null;
    end if;
    delete from {TABLE} event using (
        select product, released_at_commit(product) as components,
               recalled_schools(product) as recalled
        from unnest(array['studentFeedback', 'schoolFeedback']) product
    ) gate
    where event.number is null and event.kind = 'corrected' and event.product = gate.product
      and not (
          event.component_ids && gate.components
          and event.administration_id || '/' || event.school_id <> all (gate.recalled)
      );
    insert into locks (name) values ('change events') on conflict do nothing;
    perform from locks where name = 'change events' for update;
    select coalesce(max(number), 0) as number, max(occurred_at) as occurred_at into latest
    from {TABLE} where number is not null;
    moment := greatest(clock_timestamp(), latest.occurred_at);
    update {TABLE} event
    set number = latest.number + placed.place, occurred_at = moment, component_ids = null
    from (
        select id, row_number() over (order by id) as place from {TABLE} where number is null
    ) placed
    where placed.id = event.id;
    return null;
end
$$
"""
NUMBER_TRIGGER = f"""
create constraint trigger number_change_events after insert on {TABLE}
deferrable initially deferred for each row execute function number_change_events()
"""

# The last one stays: the next number follows it.
REMOVE_EXPIRED = f"""
create function remove_expired_change_events() returns bigint language sql {DEFINER} as $$
with removed as (
    delete from {TABLE}
    where occurred_at < now() - {KEPT} and number < (select max(number) from {TABLE})
    returning 1
)
select count(*) from removed
$$
"""
FUNCTIONS = {
    "record_openings": (RECORD_OPENINGS, WORKER),
    "record_recall": (RECORD_RECALL, API),
    "has_release": (HAS_RELEASE, IMPORTER),
    "record_corrections": (RECORD_CORRECTIONS, IMPORTER),
    "released_at_commit": (RELEASED_AT_COMMIT, None),
    "number_change_events": (NUMBER_EVENTS, None),
    "remove_expired_change_events": (REMOVE_EXPIRED, WORKER),
}


def upgrade() -> None:
    _create_table()
    for name, (function, program) in FUNCTIONS.items():
        op.execute(function)
        op.execute(f"revoke execute on function {name} from public")
        if program is not None:
            op.execute(f"grant execute on function {name} to {program}")
    op.execute(NUMBER_TRIGGER)
    op.execute(f"alter table {TABLE} enable row level security")
    op.execute(SEEN)
    op.execute(f"grant select ({COLUMNS}) on {TABLE} to {API}")


def downgrade() -> None:
    op.execute("set constraints all immediate")
    op.drop_table(TABLE)
    for name in FUNCTIONS:
        op.execute(f"drop function {name}")


def _create_table() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("administration_id", sa.String(length=32), nullable=False),
        sa.Column("school_id", sa.String(length=6), nullable=True),
        sa.Column("product", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("component_ids", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.CheckConstraint(f"kind in {KINDS}", name=op.f(f"ck_{TABLE}_kind_known")),
        sa.CheckConstraint(f"product in {PRODUCTS}", name=op.f(f"ck_{TABLE}_product_known")),
        sa.CheckConstraint(
            "(kind = 'opened') = (epoch is not null)", name=op.f(f"ck_{TABLE}_epoch_of_opening")
        ),
        sa.CheckConstraint(
            "(number is null) = (occurred_at is null)"
            " and (number is null or component_ids is null)",
            name=op.f(f"ck_{TABLE}_numbered_at_commit"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("number", name=op.f(f"uq_{TABLE}_number")),
    )
    op.create_index(
        f"uq_{TABLE}_source",
        TABLE,
        ["source_id", "kind", "epoch", "school_id", "product"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        f"ix_{TABLE}_not_numbered", TABLE, ["id"], postgresql_where=sa.text("number is null")
    )
