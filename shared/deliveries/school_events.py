"""Audit events of an applied delivery: in the chain of each school whose rows it wrote.

A school reads its events at once, so they name the students of results that it may see at that
moment, and of no others: neither those of a release to come nor those of a calibration.
"""

from typing import Any, Final
from uuid import UUID

import psycopg

from shared.access.products import Product
from shared.deliveries.manifest import Manifest
from shared.deliveries.staging_tables import WRITTEN_ROWS

# Thousands of students in one event would tell a school no more than that all are new.
_OF_FIRST: Final = f"""
    select kind, null::varchar as school_id, null::uuid as student_id, null::integer as component_id
    from {WRITTEN_ROWS} group by kind
    union all
    select 'results', null, null, null
    where exists (select from results where delivery_id = %(delivery)s)
"""

_OF_FULL: Final = f"""
    select kind, school_id, student_id, component_id from {WRITTEN_ROWS}
    union all
    select 'results', school_id, student_id, component_id from results
    where administration_id = %(administration)s
      and (delivery_id = %(delivery)s or superseded_by_delivery_id = %(delivery)s)
"""

# The other schools of a student are concerned too: an enrolment takes results along from there.
# What a correction names counts, whether or not it changes a value (decision 32).
_OF_CORRECTION: Final = f"""
    select kind, school_id, student_id, component_id from {WRITTEN_ROWS}
    union all
    select named.kind, p.school_id, p.id, c.id
    from (
        select 'students' as kind, student, null as component from staged_students
        union select 'students', student, null from ended_enrolments
        union select 'results', student, component from staged_results
        union select 'itemResults', student, component from staged_item_results
    ) named
    join students p on p.administration_id = %(administration)s and p.delivered_as = named.student
    left join components c on c.administration_id = p.administration_id and c.code = named.component
    where p.removed_at is null or exists (
        select from ended_enrolments e where e.student = p.delivered_as and e.school = p.school_id
    )
"""

_KIND_OF_PRODUCT: Final = (
    f"when '{Product.STUDENT_FEEDBACK}' then 'results'"
    f" when '{Product.TEST_VIEWING}' then 'itemResults'"
)
"""The kind of rows that the release of a product shows to a school."""

_RECORD: Final = """
    with written as ({source}), released as (
        select component_id, case product {kinds} end as kind from released_components
        where administration_id = %(administration)s
    ), concerned as (
        select kind, school_id, case
            when component_id is null or (component_id, kind) in (table released) then student_id
        end as student_id
        from written where school_id is not null
        union
        select of_all.kind, participant.school_id, null
        from (select distinct kind from written where school_id is null) of_all
        cross join participations participant
        where participant.administration_id = %(administration)s
          and participant.removed_at is null
    )
    select append_audit_event_later(
        array[school.school_id], school.students,
        left('Delivered by ' || %(client)s::text || ': ' || school.kinds, 200),
        'importDelivery', '/v1/deliveries/' || %(delivery)s::text, 'allowed', 'granted', null
    )
    from (
        select school_id, string_agg(distinct kind, ', ') as kinds,
               array_remove(array_agg(distinct student_id), null) as students
        from concerned group by school_id order by school_id
    ) school
"""


def record_for_schools(
    connection: psycopg.Connection[Any], manifest: Manifest, delivery_id: UUID, client: str
) -> None:
    """Store an audit event for each school whose rows the applied delivery wrote.

    It has the client that submitted the delivery, the kinds of rows, and the students concerned, of
    results only those of released components. Rows of the catalogue concern all schools of the
    administration. The first delivery of an administration names no student. No chain is locked: a
    worker appends the events after the commit.
    """
    if manifest.mode == "correction":
        source = _OF_CORRECTION
    else:
        source = _OF_FIRST if manifest.sequence == 1 else _OF_FULL
    parameters = {
        "administration": manifest.administration_id,
        "delivery": delivery_id,
        "client": client,
    }
    connection.execute(_RECORD.format(source=source, kinds=_KIND_OF_PRODUCT), parameters)
