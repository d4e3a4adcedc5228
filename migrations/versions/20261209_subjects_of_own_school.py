"""subjects of own school: the audit event of a school counts none of the students of another.

The use of a school's token after its end is recorded in the log of that school, whatever id was in
the path. The number of students told whether an id of another school exists, and of how many
students a document is.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261209_subjects_of_own_school"
down_revision: str | None = "20261209_successions"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COMPLETE_SUBJECTS = """
create or replace function complete_audit_subjects(event audit_events, sought uuid)
returns audit_events
language plpgsql stable set search_path = public, pg_temp as $$
declare
    document record;
begin
    if sought is not null then
        select * into document from documents where id = sought{of_own_documents};
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
            select id from students where id = any(event.students){of_own_students}
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
OF_OWN = """
            and school_id = coalesce(event.organisation, school_id)"""


def upgrade() -> None:
    op.execute(COMPLETE_SUBJECTS.format(of_own_documents=OF_OWN, of_own_students=OF_OWN))


def downgrade() -> None:
    op.execute(COMPLETE_SUBJECTS.format(of_own_documents="", of_own_students=""))
