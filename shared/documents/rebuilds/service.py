"""Use cases of rebuilds: a delivery or a read requests one, a worker starts it, a build ends it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.core.errors import InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.documents.rebuilds.models import RebuildRequest
from shared.jobs.queue import WakeUpQueue

REQUESTED_BY = "toetsfeedback"
"""The client of jobs that the service starts itself."""
BATCH_SIZE = 100
"""The number of schools with a job each; more of one administration have a job together."""
_WAIT_BRIEFLY = text("set local lock_timeout = '500ms'")

_END_REBUILD = text("select remove_rebuild_request(:administration_id, :school_id)")


def request_rebuild(unit: UnitOfWork, document_id: UUID) -> None:
    """Record that the bytes of a document are not in the store; a second time does nothing.

    A request starts no job: a school could start any number of them.
    """
    unit.session.execute(select(func.request_rebuild(document_id)))


def start_rebuilds(unit: UnitOfWork, queue: WakeUpQueue) -> int:
    """Start builds of the schools with a new request; return the number of builds.

    They make only what is missing or outdated. A build that waits for another transaction, such as
    one that adds the same job, is left for the next time: it stops no other.
    """
    new = (
        select(RebuildRequest)
        .where(RebuildRequest.job_id.is_(None))
        .order_by(RebuildRequest.administration_id, RebuildRequest.requested_at)
        .with_for_update(skip_locked=True)
    )
    requests = unit.session.scalars(new).all()
    unit.session.execute(_WAIT_BRIEFLY)
    return sum(_start_rebuild(unit, queue, together) for together in _by_build(requests))


def _by_build(requests: Sequence[RebuildRequest]) -> Iterator[Sequence[RebuildRequest]]:
    """Group the requests: many of one administration are one build, others one each."""
    for _, group in groupby(requests, key=attrgetter("administration_id")):
        of_administration = list(group)
        if len(of_administration) > BATCH_SIZE:
            yield of_administration
        else:
            yield from ([request] for request in of_administration)


def _start_rebuild(
    unit: UnitOfWork, queue: WakeUpQueue, requests: Sequence[RebuildRequest]
) -> bool:
    """Start the build of a school, or of all schools; False if it waits for a transaction."""
    first = requests[0]
    school_id = first.school_id if len(requests) == 1 else None
    try:
        with unit.session.begin_nested():
            job = start_build(unit, queue, first.administration_id, school_id, REQUESTED_BY)
            for request in requests:
                request.job_id = job.id
    except InvalidInput:  # the school no longer takes part, and its documents are hidden
        end_rebuild(unit.session, first.administration_id, first.school_id)
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            return False
        raise
    return True


def end_rebuild(session: Session, administration_id: str, school_id: str) -> None:
    """Remove the request of a school whose documents have just been stored."""
    school = {"administration_id": administration_id, "school_id": school_id}
    session.execute(_END_REBUILD, school)


def rebuilding_schools(session: Session) -> int:
    """Return the number of schools with a request, for monitoring."""
    return int(session.execute(text("select schools from rebuilding_schools")).scalar_one())
