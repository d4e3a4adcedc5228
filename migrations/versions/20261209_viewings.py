"""test viewing: locations, slots with places, registrations, and what an officer at a desk sees.

A trigger counts the places of slots and of schools. A CHECK refuses one too many, whatever the
programs do. Locks are taken in one order: the registration, its slots by id, the school's days by
day. An officer sees the registrations of the own location and day. Item results leave the database
through `viewing_items` only: those of an open registration, within its slot and the release window.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261209_viewings"
down_revision: str | None = "20261209_corrections"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, WORKER = "toetsfeedback_api", "toetsfeedback_worker"
DEFINER = "security definer set search_path = public, pg_temp"

ACTING = "(select current_setting('toetsfeedback.{}', true))"
KIND = ACTING.format("kind")
IS_SCHOOL, IS_OPERATOR = f"{KIND} = 'school'", f"{KIND} = 'operator'"
IS_OWN = f"{IS_SCHOOL} and school_id = {ACTING.format('school')}"
AT_DESK = "slot_id = any ((select desk_slots())::uuid[])"
IS_KNOWN = f"{KIND} = any (array['school', 'operator', 'officer'])"
IS_ON_DUTY = (
    f"{IS_OPERATOR} or ({KIND} = 'officer' and client_id::text = {ACTING.format('client')})"
)

SETTINGS = (
    "administration_id, companions, deadline_days, margin_minutes, school_quota, offer_hours,"
    " retention_days"
)
SLOT = "id, administration_id, location_id, day, starts_at, ends_at, capacity, taken"
REGISTRATION = (
    "id, number, administration_id, school_id, student_id, slot_id, state, companions, code_hash,"
    " version, registered_at, offer_expires_at, opened_at, closed_at, reason"
)
CONFIRMATION = "registration_id, school_id, version, storage_key, byte_size, sha256, made_at"
LOCATION, DUTY = "id, name, address, sort_key", "id, client_id, location_id, day, withdrawn_at"

# Privileges of the API, and the rows of each table that it can read, add and change.
API_PRIVILEGES = {
    "viewing_settings": (SETTINGS, ("select", "insert", "update")),
    "viewing_locations": (LOCATION, ("select", "insert")),
    "viewing_slots": (SLOT, ("select", "insert")),
    "viewing_duties": (DUTY, ("select", "insert", "update")),
    "viewing_registrations": (REGISTRATION, ("select", "insert", "update")),
    "viewing_confirmations": (CONFIRMATION, ("select",)),
}
IS_NEW = f"""{IS_OWN} and registered_at = now() and state = any (array['confirmed', 'waiting'])
    and exists (
        select from students student where student.id = viewing_registrations.student_id
          and student.administration_id = viewing_registrations.administration_id
    )"""
POLICIES: dict[str, tuple[str | None, str | None, str | None]] = {
    "viewing_settings": (IS_KNOWN, IS_OPERATOR, IS_OPERATOR),
    "viewing_locations": (IS_KNOWN, IS_OPERATOR, None),
    "viewing_slots": (IS_KNOWN, f"{IS_OPERATOR} and taken = 0", None),
    "viewing_school_days": (None, None, None),
    "viewing_duties": (IS_ON_DUTY, IS_OPERATOR, IS_OPERATOR),
    "viewing_registrations": (f"({IS_OWN}) or {AT_DESK}", IS_NEW, f"({IS_OWN}) or {AT_DESK}"),
    "viewing_confirmations": (IS_OWN, None, None),
}
WORKER_PRIVILEGES = {
    "viewing_settings": (SETTINGS, ("select",)),
    "viewing_locations": (LOCATION, ("select",)),
    "viewing_slots": (SLOT, ("select",)),
    "viewing_registrations": (REGISTRATION, ("select", "update")),
    "viewing_confirmations": (CONFIRMATION, ("select", "insert", "update")),
}

TAKES_PLACE = """
create function takes_viewing_place(state varchar) returns boolean
language sql immutable parallel safe return state in ('offered', 'confirmed', 'open', 'closed')
"""

# A place that is free while somebody waits who could have it goes to the waiting list.
SETTLE_PLACE = f"""
create function settle_viewing_place() returns trigger language plpgsql {DEFINER} as $$
declare
    gained viewing_slots;
    lost viewing_slots;
begin
    if tg_op <> 'DELETE' then
        if takes_viewing_place(new.state) then gained.id := new.slot_id; end if;
    end if;
    if tg_op <> 'INSERT' then
        if takes_viewing_place(old.state) then lost.id := old.slot_id; end if;
    end if;
    if gained.id is not distinct from lost.id then return null; end if;
    perform from viewing_slots where id in (gained.id, lost.id) order by id for no key update;
    select * into gained from viewing_slots where id = gained.id;
    select * into lost from viewing_slots where id = lost.id;
    if gained.id is not null then
        if new.state = 'confirmed' and exists (
            select from viewing_registrations waiting
            where waiting.slot_id = gained.id and waiting.state = 'waiting' and waiting.id <> new.id
              and has_viewing_quota(waiting.administration_id, waiting.school_id, gained.day)
        ) then
            raise check_violation using message = 'the place is that of the waiting list',
                constraint = 'ck_viewing_slots_taken_within_capacity';
        end if;
        update viewing_slots set taken = taken + 1 where id = gained.id;
    end if;
    update viewing_slots set taken = taken - 1 where id = lost.id;
    if gained.day is not distinct from lost.day then return null; end if;
    if gained.day is not null then
        insert into viewing_school_days (administration_id, school_id, day, taken, quota)
        select new.administration_id, new.school_id, gained.day, 0, school_quota
        from viewing_settings where administration_id = new.administration_id
        on conflict do nothing;
    end if;
    update viewing_school_days days
    set taken = taken + case when days.day = gained.day then 1 else -1 end
    from (
        select administration_id, school_id, day from viewing_school_days
        where administration_id = coalesce(new.administration_id, old.administration_id)
          and school_id = coalesce(new.school_id, old.school_id) and day in (gained.day, lost.day)
        order by day for no key update
    ) locked
    where (days.administration_id, days.school_id, days.day)
        = (locked.administration_id, locked.school_id, locked.day);
    return null;
end
$$
"""
HAS_QUOTA = f"""
create function has_viewing_quota(administration varchar, school varchar, on_day date)
returns boolean language sql stable {DEFINER} return not exists (
    select from viewing_school_days
    where administration_id = administration and school_id = school and day = on_day
      and taken >= quota
)
"""
SETTLE_QUOTA = f"""
create function settle_viewing_quota() returns trigger language plpgsql {DEFINER} as $$
begin
    perform from viewing_school_days where administration_id = new.administration_id
    order by school_id, day for no key update;
    update viewing_school_days
    set quota = case when new.school_quota is not null then greatest(taken, new.school_quota) end
    where administration_id = new.administration_id;
    return null;
end
$$
"""
SET_CAPACITY = f"""
create function set_viewing_capacity(slot uuid, places integer) returns void
language plpgsql {DEFINER} as $$
begin
    if current_setting('toetsfeedback.kind', true) is distinct from 'operator' then
        raise insufficient_privilege using message = 'operators plan places';
    end if;
    update viewing_slots set capacity = places where id = slot;
end
$$
"""

# The slots of an officer: those of today, and those that still run a little after midnight.
DESK_SLOTS = f"""
create function desk_slots_at(moment timestamptz) returns uuid[] language sql stable {DEFINER}
return (
    select coalesce(array_agg(slot.id), '{{}}')
    from viewing_duties duty
    join viewing_slots slot on slot.location_id = duty.location_id and slot.day = duty.day
    where current_setting('toetsfeedback.kind', true) = 'officer'
      and duty.client_id::text = current_setting('toetsfeedback.client', true)
      and duty.withdrawn_at is null
      and (slot.day = (moment at time zone 'Europe/Brussels')::date
           or is_within_viewing_slot(slot.id, moment))
)
"""
IS_WITHIN_SLOT = f"""
create function is_within_viewing_slot(sought uuid, moment timestamptz) returns boolean
language sql stable {DEFINER} return exists (
    select from viewing_slots slot
    join viewing_settings settings on settings.administration_id = slot.administration_id
    where slot.id = sought
      and moment >= slot.starts_at - settings.margin_minutes * interval '1 minute'
      and moment < slot.ends_at + settings.margin_minutes * interval '1 minute'
)
"""
DESK_SLOTS_NOW = f"""
create function desk_slots() returns uuid[] language sql stable {DEFINER}
return desk_slots_at(now())
"""
DESK_VISITORS = f"""
create function desk_visitors() returns table (
    registration_id uuid, family_name varchar, given_name varchar, school_name varchar,
    sort_key text
) language sql stable {DEFINER} as $$
    select registration.id, student.family_name, student.given_name, participation.name,
           student.sort_key
    from viewing_registrations registration
    join students student on student.id = registration.student_id and student.removed_at is null
    join participations participation
        on participation.administration_id = registration.administration_id
        and participation.school_id = registration.school_id and participation.removed_at is null
    where registration.slot_id = any (desk_slots())
$$
"""
# Reported results of components that are not calibrations.
VIEWABLE = """item_results stored
    join components component on component.id = stored.component_id
        and not component.is_calibration and component.removed_at is null
    join results result on result.student_id = stored.student_id
        and result.component_id = stored.component_id
        and result.superseded_at is null and result.status = 'reported'"""
RELEASED = """component.id = any (released_component_ids('{product}'))
          and {row}.administration_id || '/' || {row}.school_id
              <> all (recalled_schools('{product}'))"""
VIEWING_ITEMS = f"""
create function viewing_items(sought uuid) returns table (
    component_id integer, viewed varchar[], correct boolean[]
) language sql stable {DEFINER} as $$
    select component.id, stored.items, stored.correct
    from viewing_registrations registration
    join viewing_slots slot on slot.id = registration.slot_id
    join students student on student.id = registration.student_id and student.removed_at is null
    join ({VIEWABLE}) on stored.student_id = registration.student_id
    where registration.id = sought and registration.state = 'open'
      and registration.slot_id = any (desk_slots()) and is_within_viewing_slot(slot.id, now())
      and {RELEASED.format(product="testViewing", row="registration")}
    order by component.position, component.id
$$
"""
# Before the release of student feedback, a registration would tell who has results.
CAN_VIEW = f"""
create function can_view_test(sought uuid, slot uuid) returns boolean
language sql stable {DEFINER} as $$ select exists (
    select from students student
    join ({VIEWABLE}) on stored.student_id = student.id
    join viewing_slots planned on planned.id = slot
        and planned.administration_id = student.administration_id
    join deciding_windows decisive on decisive.component_id = component.id
        and decisive.product = 'testViewing' and decisive.place = 1 and not decisive.never
        and decisive.opens_at <= planned.starts_at
        and (decisive.closes_at is null or decisive.closes_at >= planned.ends_at)
    where student.id = sought and student.removed_at is null
      and student.school_id = current_setting('toetsfeedback.school', true)
      and {RELEASED.format(product="studentFeedback", row="student")}
)
$$
"""
REMOVE_EXPIRED = f"""
create function remove_expired_viewings() returns bigint language sql {DEFINER} as $$
with removed as (
    delete from viewing_registrations where id = any (array(
        select registration.id from viewing_registrations registration
        join viewing_slots slot on slot.id = registration.slot_id
        join viewing_settings settings on settings.administration_id = slot.administration_id
        where coalesce((
            select max(planned.closes_at) from release_windows planned
            where planned.administration_id = slot.administration_id
              and planned.product = 'testViewing'
              and planned.opens_at <= slot.starts_at and planned.closes_at >= slot.ends_at
        ), slot.ends_at) + settings.retention_days * interval '1 day' < now()
        order by slot.id limit 500
    )) returning 1
)
select count(*) from removed
$$
"""
FUNCTIONS = (
    ("takes_viewing_place", TAKES_PLACE, None),
    ("has_viewing_quota", HAS_QUOTA, WORKER),
    ("settle_viewing_place", SETTLE_PLACE, None),
    ("settle_viewing_quota", SETTLE_QUOTA, None),
    ("set_viewing_capacity", SET_CAPACITY, API),
    ("is_within_viewing_slot", IS_WITHIN_SLOT, API),
    ("desk_slots_at", DESK_SLOTS, None),
    ("desk_slots", DESK_SLOTS_NOW, API),
    ("desk_visitors", DESK_VISITORS, API),
    ("viewing_items", VIEWING_ITEMS, API),
    ("can_view_test", CAN_VIEW, API),
    ("remove_expired_viewings", REMOVE_EXPIRED, WORKER),
)

CREATE_TABLES = """
create table viewing_settings (
    administration_id varchar(32) not null,
    companions smallint default 1 not null,
    deadline_days smallint default 3 not null,
    margin_minutes smallint default 15 not null,
    school_quota integer,
    offer_hours smallint default 24 not null,
    retention_days smallint default 30 not null,
    constraint pk_viewing_settings primary key (administration_id),
    constraint fk_viewing_settings_administration_id
        foreign key (administration_id) references administrations (id),
    constraint ck_viewing_settings_companions_few check (companions between 0 and 9),
    constraint ck_viewing_settings_deadline_days_few check (deadline_days between 0 and 60),
    constraint ck_viewing_settings_margin_short check (margin_minutes between 0 and 120),
    constraint ck_viewing_settings_quota_of_one check (school_quota > 0),
    constraint ck_viewing_settings_offers_short check (offer_hours between 1 and 720),
    constraint ck_viewing_settings_retention_short check (retention_days between 1 and 366)
);
create table viewing_locations (
    id uuid default gen_random_uuid() not null,
    name varchar(200) not null,
    address varchar(300) not null,
    sort_key text collate "C" not null,
    constraint pk_viewing_locations primary key (id),
    constraint uq_viewing_locations_name unique (name)
);
create table viewing_slots (
    id uuid default gen_random_uuid() not null,
    administration_id varchar(32) not null,
    location_id uuid not null,
    day date not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    capacity integer not null,
    taken integer default 0 not null,
    constraint pk_viewing_slots primary key (id),
    constraint fk_viewing_slots_administration_id
        foreign key (administration_id) references viewing_settings (administration_id),
    constraint fk_viewing_slots_location_id
        foreign key (location_id) references viewing_locations (id),
    constraint uq_viewing_slots_administration_id_location_id_starts_at
        unique (administration_id, location_id, starts_at),
    constraint ck_viewing_slots_taken_within_capacity check (taken between 0 and capacity),
    constraint ck_viewing_slots_starts_before_it_ends check (starts_at < ends_at),
    constraint ck_viewing_slots_within_its_day check (
        day = (starts_at at time zone 'Europe/Brussels')::date
        and day = ((ends_at - interval '1 second') at time zone 'Europe/Brussels')::date
    )
);
create table viewing_school_days (
    administration_id varchar(32) not null,
    school_id varchar(6) not null,
    day date not null,
    taken integer not null,
    quota integer,
    constraint pk_viewing_school_days primary key (administration_id, school_id, day),
    constraint ck_viewing_school_days_taken_within_quota
        check (taken >= 0 and (quota is null or taken <= quota))
);
create table viewing_duties (
    id uuid default gen_random_uuid() not null,
    client_id uuid not null,
    location_id uuid not null,
    day date not null,
    withdrawn_at timestamptz,
    constraint pk_viewing_duties primary key (id),
    constraint fk_viewing_duties_client_id foreign key (client_id) references clients (id),
    constraint fk_viewing_duties_location_id
        foreign key (location_id) references viewing_locations (id)
);
create index ix_viewing_duties_client_id on viewing_duties (client_id, day);
create table viewing_registrations (
    id uuid not null,
    number bigint generated always as identity not null,
    administration_id varchar(32) not null,
    school_id varchar(6) not null,
    student_id uuid not null,
    slot_id uuid not null,
    state varchar(16) not null,
    companions smallint not null,
    code_hash bytea not null,
    version integer default 1 not null,
    registered_at timestamptz default now() not null,
    offer_expires_at timestamptz,
    opened_at timestamptz,
    closed_at timestamptz,
    reason varchar(16),
    constraint pk_viewing_registrations primary key (id),
    constraint fk_viewing_registrations_student_id
        foreign key (student_id) references students (id) on delete cascade,
    constraint fk_viewing_registrations_slot_id
        foreign key (slot_id) references viewing_slots (id),
    constraint ck_viewing_registrations_state_known check (state in (
        'waiting', 'offered', 'confirmed', 'open', 'closed', 'cancelled', 'expired', 'annulled'
    )),
    constraint ck_viewing_registrations_reason_known
        check (reason in ('noShow', 'noIdentity', 'mistake')),
    constraint ck_viewing_registrations_annulled_with_a_reason
        check ((state = 'annulled') = (reason is not null)),
    constraint ck_viewing_registrations_offers_expire
        check ((state = 'offered') = (offer_expires_at is not null)),
    constraint ck_viewing_registrations_companions_few check (companions between 0 and 9)
);
create unique index uq_viewing_registrations_live on viewing_registrations (student_id)
    where state in ('waiting', 'offered', 'confirmed', 'open', 'closed');
create unique index uq_viewing_registrations_code on viewing_registrations (code_hash);
create index ix_viewing_registrations_school_id
    on viewing_registrations (school_id, administration_id);
create index ix_viewing_registrations_slot_id on viewing_registrations (slot_id, number);
create table viewing_confirmations (
    registration_id uuid not null,
    school_id varchar(6) not null,
    version integer not null,
    storage_key varchar(200) not null,
    byte_size bigint not null,
    sha256 bytea not null,
    made_at timestamptz default now() not null,
    constraint pk_viewing_confirmations primary key (registration_id),
    constraint fk_viewing_confirmations_registration_id foreign key (registration_id)
        references viewing_registrations (id) on delete cascade,
    constraint ck_viewing_confirmations_bytes_somewhere check (byte_size > 0)
);
"""
CREATE_TRIGGERS = """
create trigger settle_viewing_place after insert or update of state, slot_id or delete
on viewing_registrations for each row execute function settle_viewing_place();
create trigger settle_viewing_quota after update of school_quota
on viewing_settings for each row execute function settle_viewing_quota();
"""

KINDS_OF_CALLERS = (
    "caller_kind in ('school', 'integrator', 'operator', {}'service', 'unauthenticated')"
)
KINDS_OF_CLIENTS = "kind in ('portal', 'integrator', 'operator'{})"
OFFICER_RULE = """    if event.caller_kind = 'officer' then
        if event.organisation is null then
            return;
        end if;
        if exists (
            select from public.viewing_duties where client_id::text = event.client
        ) then
            return;
        end if;
    end if;
"""

REQUIRE_PLAUSIBLE = r"""
create or replace function require_plausible_audit_event(event audit_events) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
    perform from (select (event).*) decision
    where {kinds}
      and outcome in ('allowed', 'refused') and action ~ '^[A-Za-z]+$' and rule ~ '^[A-Za-z_]+$'
      and resource ~ '^/[!-~]*$'
      and concat(client, caller_organisation, organisation, trace_id, purpose, caller_subject)
          !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]';
    if not found then
        raise check_violation using message =
            'an event has a known kind of caller, codes of letters, a path, and plain texts';
    end if;
    if event.outcome = 'refused' or (
        event.caller_kind = 'school'
            and coalesce(event.organisation, event.caller_organisation) = event.caller_organisation
    ) or (event.caller_kind = 'integrator' and event.organisation is null)
        or (event.caller_kind = 'operator' and cardinality(event.students) = 0)
        or pg_has_role(session_user, 'toetsfeedback_importer', 'member')
    then
        return;
    end if;
    if event.caller_kind = 'integrator' then
        if exists (
            select from mandates
            where mandates.client = event.client and school_id = event.organisation
        ) then
            return;
        end if;
    end if;
{officer}    raise insufficient_privilege using message = format(
        'a caller of kind %s cannot have this event: set the caller of the transaction',
        event.caller_kind
    );
end
$$
"""


def upgrade() -> None:
    _replace_kinds("'officer', ", ", 'officer'")
    op.execute(CREATE_TABLES)
    for _, function, _ in FUNCTIONS:
        op.execute(function)
    op.execute(CREATE_TRIGGERS)
    for name, _, role in FUNCTIONS:
        op.execute(f"revoke execute on function {name} from public")
        if role is not None:
            op.execute(f"grant execute on function {name} to {role}")
    for role, privileges in ((API, API_PRIVILEGES), (WORKER, WORKER_PRIVILEGES)):
        for table, (columns, granted) in privileges.items():
            for privilege in granted:
                op.execute(f"grant {privilege} ({columns}) on {table} to {role}")
    for table, (seen, added, changed) in POLICIES.items():
        _restrict(table, seen, added, changed)


def downgrade() -> None:
    op.execute("drop trigger settle_viewing_quota on viewing_settings")
    op.execute("drop trigger settle_viewing_place on viewing_registrations")
    for table in POLICIES:
        for policy in ("others", "seen", "added", "changed"):
            op.execute(f"drop policy if exists {policy} on {table}")
    for name, _, _ in reversed(FUNCTIONS):
        op.execute(f"drop function {name}")
    for table in (
        *("viewing_confirmations", "viewing_registrations", "viewing_duties"),
        *("viewing_school_days", "viewing_slots", "viewing_locations", "viewing_settings"),
    ):
        op.drop_table(table)
    _replace_kinds("", "")


def _restrict(table: str, seen: str | None, added: str | None, changed: str | None) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"create policy others on {table} to {WORKER} using (true) with check (true)")
    if seen is not None:
        op.execute(f"create policy seen on {table} for select to {API} using ({seen})")
    if added is not None:
        op.execute(f"create policy added on {table} for insert to {API} with check ({added})")
    if changed is not None:
        op.execute(
            f"create policy changed on {table} for update to {API}"
            f" using ({changed}) with check ({changed})"
        )


def _replace_kinds(of_callers: str, of_clients: str) -> None:
    """Let officers be clients, and callers of the audit log, or not."""
    kinds = KINDS_OF_CALLERS.format(of_callers)
    for table, name, condition in (
        ("clients", "kind_known", KINDS_OF_CLIENTS.format(of_clients)),
        ("pending_refusals", "caller_kind_known", kinds),
    ):
        op.execute(f"alter table {table} drop constraint ck_{table}_{name}")
        op.execute(f"alter table {table} add constraint ck_{table}_{name} check ({condition})")
    plausible = REQUIRE_PLAUSIBLE.replace("{kinds}", kinds)
    op.execute(plausible.replace("{officer}", OFFICER_RULE if of_callers else ""))
