"""The second look at an approved opening, shortly before its moment: start it, record a fault."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import column, exists, func, select, table, text
from sqlalchemy.orm import Session
from sqlalchemy.types import String, Uuid

from shared.access.decisions import Rule
from shared.audit.repository import NewAuditEvent
from shared.audit.service import record
from shared.core.database import INSTANT
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import CHECK_OPENING, Lane
from shared.release_plans.manifest import Finding

logger = structlog.get_logger(__name__)

CHECKED_BEFORE = timedelta(minutes=30)
"""Long enough to build what is lost, verify again, and have two persons approve that."""
REQUESTED_BY = "toetsfeedback"
"""The client of jobs that the service starts itself."""
NAMED_SCHOOLS = 20

_approved = table(
    "approved_openings",
    column("id", Uuid),
    column("administration_id", String),
    column("opens_at", INSTANT),
    column("manifest_id", Uuid),
)


def start_checks(unit: UnitOfWork, queue: WakeUpQueue) -> int:
    """Start a job for each approved manifest that opens soon and was not checked; count them."""
    subject = func.concat(_approved.c.id, "/", _approved.c.manifest_id)
    is_known = exists(Job.id).where(Job.kind == CHECK_OPENING, Job.subject == subject)
    is_soon = (
        _approved.c.opens_at > func.clock_timestamp(),
        _approved.c.opens_at <= func.clock_timestamp() + CHECKED_BEFORE,
    )
    subjects = unit.session.scalars(select(subject).where(*is_soon, ~is_known)).all()
    for found in subjects:
        opening_id = found.partition("/")[0]
        new = jobs.NewJob(
            kind=CHECK_OPENING,
            lane=Lane.INTERACTIVE,
            subject=found,
            items=[opening_id],
            requested_by=REQUESTED_BY,
            arguments={"openingId": opening_id},
        )
        jobs.start(unit, queue, new)
    return len(subjects)


def record_faults(
    unit: UnitOfWork, opening_id: UUID, faults: Sequence[Finding], trace_id: str | None
) -> None:
    """Void the approvals of an opening whose objects are not those of its manifest, and alarm.

    The alarm is an audit event without a school, and a line in the log that names the schools.
    """
    raised = unit.session.scalar(select(func.raise_opening_epoch(opening_id)))
    schools = sorted({fault.school_id for fault in faults if fault.school_id})
    logger.error(
        "opening_at_fault",
        opening_id=str(opening_id),
        faults=len(faults),
        schools=schools[:NAMED_SCHOOLS],
        is_voided=bool(raised),
    )
    event = NewAuditEvent(
        organisation=None,
        action="checkOpening",
        resource=f"/v1/openings/{opening_id}",
        outcome="allowed",
        rule=Rule.ALARM.value,
        trace_id=trace_id,
    )
    record(unit, event)


def count_blocked_openings(session: Session) -> int:
    """Return the number of openings that are due or soon, and not approved, for monitoring."""
    return int(session.execute(text("select openings from blocked_openings")).scalar_one())
