"""successions: two persons confirm that a school reads what a school before it got.

`successor_of` of a delivery opens nothing. `schools_of` is the one place that says which schools a
school reads: its own number and those of its predecessors, and nothing once another school has
succeeded it. The mandates that such a school gave end with that.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261209_successions"
down_revision: str | None = "20261209_change_events"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
DEFINER = "security definer set search_path = public, pg_temp"
INSTANT = postgresql.TIMESTAMP(timezone=True)
IN_EFFECT = "confirmed_at is not null and revoked_at is null"
ACTING = "(select current_setting('toetsfeedback.{}', true))"
KIND, SCHOOL = ACTING.format("kind"), ACTING.format("school")
IS_OPERATOR, IS_SCHOOL = f"{KIND} = 'operator'", f"{KIND} = 'school'"
IS_REACHED = "{} in (select unnest((select reached_schools(null))))"

SCHOOLS_OF = f"""
create function schools_of(own varchar) returns varchar[]
language plpgsql stable parallel safe {DEFINER} as $$
begin
    if exists (select from successions where predecessor_id = own and {IN_EFFECT}) then
        return array[]::varchar[];
    end if;
    return array(
        with recursive reached (school_id) as (
            select own
            union
            select predecessor_id from successions join reached on successor_id = school_id
            where {IN_EFFECT}
        )
        select school_id from reached
    );
end
$$
"""
REACHED_SCHOOLS = """
create or replace function reached_schools(shared_product varchar) returns varchar[]
language plpgsql stable parallel safe as $$
declare
    kind text := current_setting('toetsfeedback.kind', true);
begin
    if kind = 'school' then
        return {schools};
    elsif kind = 'integrator' then
        return (
            select array_agg(mandate.school_id) from public.current_mandates mandate
            where mandate.client = current_setting('toetsfeedback.client', true)
              and (shared_product is null or mandate.product = shared_product)
        );
    end if;
    return null;
end
$$
"""
OWN = "current_setting('toetsfeedback.school', true)"
BY_SUCCESSION = REACHED_SCHOOLS.format(schools=f"public.schools_of({OWN})")
EARLIER = REACHED_SCHOOLS.format(schools=f"array[{OWN}]::varchar[]")
CURRENT_MANDATES = """
create or replace view current_mandates as
select mandate.client, mandate.school_id, shared.product, mandate.purpose
from mandates mandate
cross join unnest(mandate.products) as shared (product)
where mandate.superseded_at is null
  and mandate.revoked_at is null
  and (now() at time zone 'Europe/Brussels')::date between mandate.from_on and mandate.until_on
"""
OF_SUCCEEDED = f"""
  and not exists (
      select from successions where predecessor_id = mandate.school_id and {IN_EFFECT}
  )
"""

# The result is 'confirmed', or the reason for a refusal.
CONFIRM = f"""
create function confirm_succession(successor varchar, predecessor varchar, lifetime interval)
returns text language plpgsql {DEFINER} as $$
declare
    approver record;
    succession successions;
begin
    select id, person_id into approver from clients
    where id::text = current_setting('toetsfeedback.client', true)
      and current_setting('toetsfeedback.kind', true) = 'operator' and person_id is not null
      and kind = 'operator' and state = 'active' and 'releases:approve' = any (scopes) for share;
    if not found then
        return 'notEntitled';
    end if;
    insert into locks (name) values ('successions') on conflict do nothing;
    perform from locks where name = 'successions' for update;
    if not exists (
        select from schools
        where id = successor and predecessor = any (successor_of)
          and exists (select from schools former where former.id = predecessor)
    ) then
        return 'notDelivered';
    elsif exists (select from successions where predecessor_id = predecessor and {IN_EFFECT}) then
        return 'alreadySucceeded';
    elsif exists (
        with recursive later (school_id) as (
            select successor
            union
            select successor_id from successions join later on predecessor_id = school_id
            where {IN_EFFECT}
        )
        select from later where school_id = predecessor
    ) then
        return 'successionCircle';
    end if;
    insert into successions (successor_id, predecessor_id) values (successor, predecessor)
    on conflict (successor_id, predecessor_id) where revoked_at is null do nothing;
    select * into succession from successions
    where successor_id = successor and predecessor_id = predecessor and revoked_at is null;
    insert into succession_confirmations as earlier (
        succession_id, person_id, client_id, confirmed_at, expires_at
    )
    values (succession.id, approver.person_id, approver.id, clock_timestamp(),
            clock_timestamp() + lifetime)
    on conflict (succession_id, person_id) do update
        set client_id = excluded.client_id, confirmed_at = excluded.confirmed_at,
            expires_at = excluded.expires_at
        where earlier.expires_at <= excluded.confirmed_at;
    if not found then
        return 'alreadyConfirmed';
    end if;
    update successions set confirmed_at = clock_timestamp()
    where id = succession.id and 2 <= (
        select count(distinct client.person_id) from succession_confirmations confirmation
        join clients client on client.person_id = confirmation.person_id
        where confirmation.succession_id = succession.id
          and confirmation.expires_at > clock_timestamp() and client.kind = 'operator'
          and client.state = 'active' and 'releases:approve' = any (client.scopes)
    );
    return 'confirmed';
end
$$
"""
REVOKE = f"""
create function revoke_succession(sought uuid) returns boolean
language plpgsql {DEFINER} as $$
begin
    if calling_person() is null then
        return false;
    end if;
    insert into locks (name) values ('successions') on conflict do nothing;
    perform from locks where name = 'successions' for update;
    update successions set revoked_at = clock_timestamp(), revoked_by = calling_person()
    where id = sought and revoked_at is null;
    return true;
end
$$
"""
# What a school reads of the audit log and of hand-overs; it writes those of its own number.
POLICIES = {
    "audit_events": (
        f"{IS_SCHOOL} and organisation = {SCHOOL}",
        f"{IS_SCHOOL} and {IS_REACHED.format('organisation')}",
    ),
    **dict.fromkeys(
        ("hand_overs", "hand_over_withdrawals"),
        (
            f"{IS_SCHOOL} and school_id = {SCHOOL}",
            f"{IS_SCHOOL} and {IS_REACHED.format('school_id')}",
        ),
    ),
}
TABLES = {
    "successions": "id, successor_id, predecessor_id, confirmed_at, revoked_at, revoked_by",
    "succession_confirmations": "succession_id, person_id, client_id, confirmed_at, expires_at",
}
FUNCTIONS = (
    "confirm_succession(varchar, varchar, interval)",
    "revoke_succession(uuid)",
    "schools_of(varchar)",
)


def upgrade() -> None:
    _create_tables()
    for function in (SCHOOLS_OF, BY_SUCCESSION, CONFIRM, REVOKE):
        op.execute(function)
    op.execute(f"{CURRENT_MANDATES} {OF_SUCCEEDED}")
    for function in FUNCTIONS:
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to {API}")
    for table, columns in TABLES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"grant select ({columns}) on {table} to {API}")
        op.execute(f"create policy seen on {table} for select to {API} using ({IS_OPERATOR})")
    for table, (_, condition) in POLICIES.items():
        op.execute(f"alter policy seen on {table} using ({condition})")


def downgrade() -> None:
    for table, (condition, _) in POLICIES.items():
        op.execute(f"alter policy seen on {table} using ({condition})")
    op.execute(CURRENT_MANDATES)
    op.execute(EARLIER)
    for function in FUNCTIONS:
        op.execute(f"drop function {function}")
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_tables() -> None:
    op.create_table(
        "successions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("successor_id", sa.String(length=6), nullable=False),
        sa.Column("predecessor_id", sa.String(length=6), nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "successor_id <> predecessor_id", name=op.f("ck_successions_two_schools")
        ),
        sa.CheckConstraint(
            "(revoked_at is null) = (revoked_by is null)",
            name=op.f("ck_successions_revoked_by_a_person"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_successions")),
        *_references("successions", successor_id="schools", predecessor_id="schools"),
        *_references("successions", revoked_by="persons"),
    )
    op.create_index(
        "uq_successions_schools",
        "successions",
        ["successor_id", "predecessor_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at is null"),
    )
    op.create_index(
        "uq_successions_in_effect",
        "successions",
        ["predecessor_id"],
        unique=True,
        postgresql_where=sa.text(IN_EFFECT),
    )
    table = "succession_confirmations"
    op.create_table(
        table,
        sa.Column("succession_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint("expires_at > confirmed_at", name=op.f(f"ck_{table}_expires_later")),
        sa.PrimaryKeyConstraint("succession_id", "person_id", name=op.f(f"pk_{table}")),
        *_references(table, succession_id="successions", person_id="persons", client_id="clients"),
    )


def _references(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{referred}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, referred in columns.items()
    ]
