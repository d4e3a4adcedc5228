"""Use cases of rebuilds: a read requests one, a worker starts it, a build ends it."""

from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from shared.core.errors import InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.documents.rebuilds.models import RebuildRequest
from shared.jobs.queue import WakeUpQueue

REQUESTED_BY = "toetsfeedback"
"""The client of jobs that the service starts itself."""
BATCH_SIZE = 100


def request_rebuild(unit: UnitOfWork, document_id: UUID) -> None:
    """Record that the bytes of a document are not in the store; a second time does nothing.

    A request starts no job: a school could start any number of them.
    """
    unit.session.execute(select(func.request_rebuild(document_id)))


def start_rebuilds(unit: UnitOfWork, queue: WakeUpQueue) -> int:
    """Start a build of each school with a new request; return their number.

    It makes only what is missing.
    """
    new = (
        select(RebuildRequest)
        .where(RebuildRequest.job_id.is_(None))
        .order_by(RebuildRequest.requested_at)
        .limit(BATCH_SIZE)
        .with_for_update(skip_locked=True)
    )
    requests = unit.session.scalars(new).all()
    for request in requests:
        school = request.administration_id, request.school_id
        try:
            request.job_id = start_build(unit, queue, *school, REQUESTED_BY).id
        except InvalidInput:  # the school no longer takes part, and its documents are hidden
            unit.session.delete(request)
    return len(requests)


def end_rebuild(session: Session, administration_id: str, school_id: str) -> None:
    """Remove the request of a school whose documents have just been stored."""
    session.execute(
        delete(RebuildRequest).where(
            RebuildRequest.administration_id == administration_id,
            RebuildRequest.school_id == school_id,
        )
    )


def rebuilding_schools(session: Session) -> int:
    """Return the number of schools with a request, for monitoring."""
    return int(session.execute(text("select schools from rebuilding_schools")).scalar_one())
