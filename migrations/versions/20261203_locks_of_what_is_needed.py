"""locks of what is needed: an answer about students locks no table of documents or mandates.

PostgreSQL locks every table of an expression before it evaluates a part of it. So each table that
is needed for some events or callers only is in a statement of its own.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261203_locks"
down_revision: str | None = "20261202_rebuilds"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

IMPORTER = "toetsfeedback_importer"

REACHED_SCHOOLS = """
create or replace function reached_schools(shared_product varchar) returns varchar[]
language plpgsql stable parallel safe as $$
declare
    kind text := current_setting('toetsfeedback.kind', true);
begin
    if kind = 'school' then
        return array[current_setting('toetsfeedback.school', true)]::varchar[];
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

EARLIER_REACHED_SCHOOLS = """
create or replace function reached_schools(shared_product varchar) returns varchar[]
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

# A variable of the type of a table locks the table; a record does not.
COMPLETE_SUBJECTS = """
create or replace function complete_audit_subjects(event audit_events, sought uuid)
returns audit_events
language plpgsql stable set search_path = public, pg_temp as $$
declare
    document {type};
begin
    if sought is not null then
        select * into document from documents where id = sought;
        event.organisation := coalesce(event.organisation, document.school_id);
        event.students := case when document.student_id is not null then array[document.student_id]
            else array(
                select student.id from students student
                where student.administration_id = document.administration_id
                    and student.school_id = document.school_id and student.removed_at is null
                    and (document.class_group_id is null
                        or student.class_group_id = document.class_group_id)
                order by student.id
            ) end;
    elsif event.outcome = 'refused' and cardinality(event.students) > 0 then
        event.students := array(select id from students where id = any(event.students));
        event.organisation := coalesce(
            event.organisation, (select school_id from students where id = event.students[1])
        );
    end if;
    {organisation}
    return event;
end
$$
"""

ORGANISATION = """if event.organisation is not null
        and event.organisation is distinct from event.caller_organisation
    then
        if not exists (select from schools where id = event.organisation) then
            if not exists (select from mandates where school_id = event.organisation) then
                event.organisation := null;
            end if;
        end if;
    end if;"""

EARLIER_ORGANISATION = """if event.organisation is not null
        and event.organisation is distinct from event.caller_organisation
        and not exists (select from schools where id = event.organisation)
        and not exists (select from mandates where school_id = event.organisation)
    then
        event.organisation := null;
    end if;"""

CHECKS_OF_EVENTS = {
    "caller_kind_known": (
        "caller_kind in ('school', 'integrator', 'operator', 'service', 'unauthenticated')"
    ),
    "codes_are_words": (
        "outcome in ('allowed', 'refused') and action ~ '^[A-Za-z]+$' and rule ~ '^[A-Za-z_]+$'"
    ),
    "resource_is_a_path": "resource ~ '^/[!-~]*$'",
    "texts_are_plain": (
        r"concat(client, caller_organisation, organisation, trace_id, purpose, caller_subject)"
        r" !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]'"
    ),
}

PLAIN = f"""
    perform from (select (event).*) decision where {" and ".join(CHECKS_OF_EVENTS.values())};
    if not found then
        raise check_violation using message =
            'an event has a known kind of caller, codes of letters, a path, and plain texts';
    end if;
"""

REQUIRE_PLAUSIBLE = f"""
create or replace function require_plausible_audit_event(event audit_events) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
{PLAIN}
    if event.outcome = 'refused' or (
        event.caller_kind = 'school'
            and coalesce(event.organisation, event.caller_organisation) = event.caller_organisation
    ) or (event.caller_kind = 'integrator' and event.organisation is null)
        or (event.caller_kind = 'operator' and cardinality(event.students) = 0)
        or pg_has_role(session_user, '{IMPORTER}', 'member')
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
    raise insufficient_privilege using message = format(
        'a caller of kind %s cannot have this event: set the caller of the transaction',
        event.caller_kind
    );
end
$$
"""

EARLIER_REQUIRE_PLAUSIBLE = f"""
create or replace function require_plausible_audit_event(event audit_events) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
{PLAIN}
    if event.outcome = 'refused' or (
        event.caller_kind = 'school'
            and coalesce(event.organisation, event.caller_organisation) = event.caller_organisation
    ) or (
        event.caller_kind = 'integrator' and (event.organisation is null or exists (
            select from mandates
            where mandates.client = event.client and school_id = event.organisation
        ))
    ) or (event.caller_kind = 'operator' and cardinality(event.students) = 0)
        or pg_has_role(session_user, '{IMPORTER}', 'member')
    then
        return;
    end if;
    raise insufficient_privilege using message = format(
        'a caller of kind %s cannot have this event: set the caller of the transaction',
        event.caller_kind
    );
end
$$
"""


def upgrade() -> None:
    op.execute(REACHED_SCHOOLS)
    op.execute(COMPLETE_SUBJECTS.format(type="record", organisation=ORGANISATION))
    op.execute(REQUIRE_PLAUSIBLE)


def downgrade() -> None:
    op.execute(EARLIER_REQUIRE_PLAUSIBLE)
    op.execute(COMPLETE_SUBJECTS.format(type="documents", organisation=EARLIER_ORGANISATION))
    op.execute(EARLIER_REACHED_SCHOOLS)
