"""subjects of several schools: students of predecessors, refusals about students of many schools.

A successor has the reads of its predecessors' documents in its own log, which had none of their
students. A refused request that named students of several schools was in the log of one of them,
with the students of all.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261211_several_schools"
down_revision: str | None = "20261211_duties_of_persons"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    "occurred_at, organisation, client, caller_kind, caller_organisation, caller_subject,"
    " action, resource, outcome, rule, trace_id, purpose, students"
)


def of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in COLUMNS.split(", "))


COMPLETE_SUBJECTS = """
create or replace function complete_audit_subjects(event audit_events, sought uuid)
returns audit_events
language plpgsql stable set search_path = public, pg_temp as $$
declare
    document record;
begin
    if sought is not null then
        select * into document from documents where id = sought
            and {is_own};
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
        event.students := array(
            select id from students where id = any(event.students)
            and {is_own}
        );
        event.organisation := coalesce(
            event.organisation, (select school_id from students where id = event.students[1])
        );
    end if;
    if event.organisation is not null
        and event.organisation is distinct from event.caller_organisation
    then
        if not exists (select from schools where id = event.organisation) then
            if not exists (select from mandates where school_id = event.organisation) then
                event.organisation := null;
            end if;
        end if;
    end if;
    return event;
end
$$
"""
IS_OWN = "school_id = coalesce(event.organisation, school_id)"
IS_REACHED = f"({IS_OWN} or school_id = any (schools_of(event.organisation)))"

APPEND_PENDING = f"""
create or replace function append_pending_events(school text) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    pending bigint[];
    waiting pending_audit_events;
    owners text[];
    event audit_events;
    completed audit_events[] := '{{{{}}}}';
begin
    if exists (select from pending_audit_events where schools is not null) then
        with divided as (
            delete from pending_audit_events where id in (
                select id from pending_audit_events where schools is not null
                order by id for update
            ) returning *
        )
        insert into pending_audit_events ({COLUMNS})
        select {of("divided").replace("divided.organisation", "unnest(divided.schools)")}
        from divided order by divided.id;
    end if;
    if school is null then
        pending := array(
            select id from pending_audit_events where schools is null
            order by id limit 100 for update skip locked
        );
    else
        pending := array(
            select id from pending_audit_events waits
            where organisation = school or organisation is null and schools is null and (
                document_id in (
                    select id from documents where id = waits.document_id and school_id = school)
                or {{is_about_school}}
            )
            order by id for update
        );
    end if;
    for waiting in delete from pending_audit_events where id = any (pending) returning * loop
        owners := {{owners}};
        for number in 1..greatest(cardinality(owners), 1) loop
            select {of("waiting")} into {of("event")};
            event.organisation := coalesce(owners[number], waiting.organisation);
            event := complete_audit_subjects(event, waiting.document_id);
            if not exists (select from schools where id = event.organisation) then
                event.organisation := null;  -- no chain for a school that does not exist
            end if;
            completed := completed || event;
        end loop;
    end loop;
    for event in
        select * from unnest(completed)
        order by coalesce(organisation, '') collate "C", occurred_at
    loop
        perform chain_audit_event(event);
    end loop;
    return cardinality(completed);
end
$$
"""
FIRST_STUDENT = """students[1] in (
                    select id from students
                    where id = waits.students[1] and school_id = school)"""
ANY_STUDENT = """exists (
                    select from students
                    where id = any (waits.students) and school_id = school)"""
SCHOOLS_OF_STUDENTS = """array(
            select distinct school_id from students
            where waiting.organisation is null and id = any (waiting.students)
        )"""


def upgrade() -> None:
    op.execute(COMPLETE_SUBJECTS.format(is_own=IS_REACHED))
    op.execute(APPEND_PENDING.format(is_about_school=ANY_STUDENT, owners=SCHOOLS_OF_STUDENTS))


def downgrade() -> None:
    op.execute(COMPLETE_SUBJECTS.format(is_own=IS_OWN))
    op.execute(APPEND_PENDING.format(is_about_school=FIRST_STUDENT, owners="array[]::text[]"))
