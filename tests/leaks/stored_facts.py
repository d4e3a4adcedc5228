"""What is stored, read as the owner of the database: facts for the model, and ids to ask about."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.viewings.codes import ViewingKey
from tests.leaks.model import DocumentFact, Facts, RegistrationFact, StudentFact

_STUDENTS = text("""
select student.id::text, student.school_id, family_name, class_group.name
from students student join class_groups class_group on class_group.id = class_group_id
order by student.school_id, delivered_as
""")
_CODES = "array(select code from components where components.id = any (component_ids))"
_DOCUMENTS = text(f"""
select id::text, school_id, kind, student_id::text, {_CODES}, encode(sha256, 'hex'),
       concat(content_sha256, template_version, facts_revision, storage_keys, byte_offsets)
from documents order by school_id, kind, file_name
""")
_RESULTS = text("""
select student_id::text, code from results join components on components.id = component_id
where superseded_at is null and not is_calibration
""")
_MISSING = text(f"select student_id::text, {_CODES} from missing_fiches")
_OWN = text("""
select school_id, id::text from hand_overs
union select school_id, id::text from declarations
union select school_id, id::text from mandates
union select client, id::text from mandates
""")
_SNAPSHOTS = text("""
select school_id, code, version from school_feedback_snapshots
join components on components.id = component_id
""")
_REGISTRATIONS = text("""
select registration.id::text, registration.school_id, student_id::text, location_id::text,
       day = (now() at time zone 'Europe/Brussels')::date
           or now() >= starts_at - margin_minutes * interval '1 minute'
              and now() < ends_at + margin_minutes * interval '1 minute' as is_now,
       array(select code from item_results join components on components.id = component_id
             where item_results.student_id = registration.student_id) as components
from viewing_registrations registration
join viewing_slots slot on slot.id = slot_id
join viewing_settings settings on settings.administration_id = slot.administration_id
order by number
""")
_IDS = text("""
select 'jobId', id::text, created_at from jobs where finished_at is not null
union all select 'deliveryId', id::text, null from deliveries
union all select 'windowId', id::text, null from release_windows
union all select 'openingId', id::text, null from openings
union all select 'recallId', id::text, null from recalls
union all select 'mandateId', id::text, null from mandates where superseded_at is null
union all select 'declarationId', id::text, null from declarations
union all select 'handOverId', id::text, null from hand_overs
union all select 'clientId', id::text, null from clients where kind = 'integrator'
union all select 'slotId', id::text, null from viewing_slots
union all select 'dutyId', id::text, null from viewing_duties
order by 1, 3, 2
""")


def read_facts(session: Session, codes: ViewingKey) -> Facts:
    own: defaultdict[str, set[str]] = defaultdict(set)
    for owner, key in session.execute(_OWN):
        own[owner].add(key)
    students = [StudentFact(*row) for row in session.execute(_STUDENTS)]
    documents = [
        DocumentFact(row[0], row[1], row[2], row[3], frozenset(row[4]), row[5], row[6])
        for row in session.execute(_DOCUMENTS)
    ]
    return Facts(
        students={one.id: one for one in students},
        documents={one.id: one for one in documents},
        results=frozenset((row[0], row[1]) for row in session.execute(_RESULTS)),
        missing={row[0]: frozenset(row[1]) for row in session.execute(_MISSING)},
        own={owner: frozenset(keys) for owner, keys in own.items()},
        snapshots=frozenset((row[0], row[1], row[2]) for row in session.execute(_SNAPSHOTS)),
        registrations={
            row.id: RegistrationFact(
                id=row.id,
                school=row.school_id,
                student=row.student_id,
                location=row.location_id,
                is_now=row.is_now,
                components=frozenset(row.components),
                code=codes.code_of(UUID(row.id)),
            )
            for row in session.execute(_REGISTRATIONS)
        },
    )


def read_ids(session: Session) -> dict[str, list[str]]:
    """Return the ids of everything else by parameter name, those of jobs by their age."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for name, key, _ in session.execute(_IDS):
        ids[name].append(key)
    return ids


def read_now(session: Session) -> datetime:
    now: datetime = session.execute(text("select clock_timestamp()")).scalar_one()
    return now
