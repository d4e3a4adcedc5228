"""Start the computation of school feedback."""

from sqlalchemy.orm import Session

from shared.core.errors import InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import COMPUTE_FEEDBACK, Lane
from shared.results.models import Administration
from shared.school_feedback.batches import batches_of
from shared.schools.repository import participating_schools


def start_computation(
    unit: UnitOfWork,
    queue: WakeUpQueue,
    administration_id: str,
    school_id: str | None,
    requested_by: str,
    trace_id: str | None = None,
) -> Job:
    """Start a job with an item per batch of schools, or return the active one for the same work.

    Raises:
        InvalidInput: when the administration is unknown, or the school takes no part in it.
    """
    session: Session = unit.session
    if session.get(Administration, administration_id) is None:
        raise InvalidInput(
            "administration_id",
            detail="There is no such administration; import its delivery first, or correct the id.",
        )
    schools = participating_schools(session, administration_id, school_id)
    if school_id is not None and not schools:
        raise InvalidInput(
            "school_id",
            detail="No school with this number takes part; correct the number.",
        )
    new = jobs.NewJob(
        kind=COMPUTE_FEEDBACK,
        lane=Lane.BULK if school_id is None else Lane.INTERACTIVE,
        subject="/".join([administration_id, *([school_id] if school_id else [])]),
        items=[batch.subject for batch in batches_of(schools)],
        requested_by=requested_by,
        arguments={"administrationId": administration_id, "schoolId": school_id},
        trace_id=trace_id,
    )
    return jobs.start(unit, queue, new)
