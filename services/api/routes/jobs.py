"""Operations on jobs: start, follow, cancel, and do again what failed."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.sse import EventSourceResponse
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from services.api.http.event_streams import stream_changes
from services.api.http.links import Links
from services.api.operations.idempotency import JobsCreator
from services.api.operations.operation import operations, problems
from services.api.operations.parameters import JobPath
from services.api.resources import Resources
from services.api.schemas.jobs import (
    Job,
    JobFailure,
    JobFailurePage,
    JobPage,
    JobProgress,
    JobResult,
    JobSummary,
    NewJob,
)
from services.api.security.authentication import token_holds
from services.api.security.permissions import (
    JobsReader,
    JobsWriter,
    LinksDep,
    PageDep,
    QueueDep,
    ResourcesDep,
    SessionDep,
)
from shared.audit.service import Actor
from shared.core.database import DATABASE_UNAVAILABLE, act_for, transaction
from shared.core.errors import ResourceNotFound
from shared.documents.building import start_build
from shared.jobs import repository, service
from shared.jobs.models import Job as JobRow
from shared.jobs.rules import APPLY_DELIVERY, Counts, State

router = operations("jobs")

_LOCATION = {"Location": {"schema": {"type": "string", "format": "uri"}}}
_SEE_OTHER: dict[int | str, dict[str, Any]] = {
    303: {"description": "It is done; its result is elsewhere.", "model": Job, "headers": _LOCATION}
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "It is on its way; follow it there.", "headers": _LOCATION}
}


@router.post("/jobs", status_code=202, responses={**ACCEPTED, **problems(409, 413, 415, 422)})
def create_job(
    order: NewJob,
    access: JobsCreator,
    unit: UnitDep,
    queue: QueueDep,
    links: LinksDep,
    response: Response,
) -> Job:
    """Starts a job, or answers with the active one for the same work."""
    job = start_build(
        session,
        queue,
        order.administration_id,
        order.school_id,
        access.caller.client,
        force=order.force,
    )
    return accepted(session, job, links, response)


@router.get("/jobs")
def list_jobs(_: JobsReader, unit: UnitDep, page: PageDep, links: LinksDep) -> JobPage:
    """Jobs, newest first."""
    total, jobs = repository.page_of_jobs(session, page.offset, page.size)
    return JobPage(items=[JobSummary.of(job, links) for job in jobs], **page.metadata(total))


@router.get("/jobs/{jobId}", responses=_SEE_OTHER)
def get_job(job_id: JobPath, _: JobsReader, unit: UnitDep, links: LinksDep) -> Any:
    """How far a job is; sends on to its result once it is done."""
    job, counts = service.read(session, job_id)
    pace = service.measure_pace(session, job, counts)
    shown = Job.with_counts(job, counts, _problem(session, job, counts), links, pace)
    if job.state != State.DONE:
        return shown
    return _see_other(_result_of(job, links), shown)


@router.get("/jobs/{jobId}/result", responses=_SEE_OTHER)
def get_job_result(job_id: JobPath, _: JobsReader, unit: UnitDep, links: LinksDep) -> Any:
    """What came of a job; not there before it is done."""
    job, counts = service.read(session, job_id)
    if job.state != State.DONE:
        raise ResourceNotFound
    if job.kind == APPLY_DELIVERY:
        return _see_other(_result_of(job, links), Job.with_counts(job, counts, None, links))
    return JobResult.of(job, counts, repository.sum_outcomes(session, job.id), links)


def _require_job(job_id: JobPath, _: JobsReader, unit: UnitDep) -> UUID:
    """While a problem can still be answered with."""
    return service.read(session, job_id)[0].id


@router.get("/jobs/{jobId}/events", response_class=EventSourceResponse)
async def stream_job_events(
    job_id: Annotated[UUID, Depends(_require_job)],
    request: Request,
    access: JobsReader,
    resources: ResourcesDep,
) -> AsyncIterator[JobProgress]:
    """How far a job is, as server-sent events: now, and at each change; it ends with the job.

    A comment now and then keeps the connection alive. An answer that ends while the job is
    `processing` broke off: ask again.
    """

    def look() -> JobProgress | None:
        return _look(resources, request, access, job_id)

    async for progress in stream_changes(resources, look, JobProgress.is_last):
        yield progress


def _look(resources: Resources, request: Request, actor: Actor, job_id: UUID) -> JobProgress | None:
    """None when there is nothing to see any more, or the token does not hold any more."""
    try:
        with transaction(resources.sessions) as session:
            act_for(session, actor.client, actor.kind, actor.organisation)
            if not token_holds(session, request):
                return None
            job, counts = service.read(session, job_id)
            pace = service.measure_pace(session, job, counts)
            return JobProgress.of(job, counts, _problem(session, job, counts), pace)
    except (ResourceNotFound, *DATABASE_UNAVAILABLE):
        return None


@router.get("/jobs/{jobId}/failures")
def list_job_failures(
    job_id: JobPath, _: JobsReader, unit: UnitDep, page: PageDep
) -> JobFailurePage:
    """What could not be made, and why; names nobody."""
    service.read(session, job_id)
    total, rows = repository.page_of_failures(session, job_id, page.offset, page.size)
    failures = [JobFailure.of(item, subject, problem) for item, subject, problem in rows]
    return JobFailurePage(items=failures, **page.metadata(total))


@router.post("/jobs/{jobId}/cancel", responses=problems(409))
def cancel_job(job_id: JobPath, _: JobsWriter, unit: UnitDep, links: LinksDep) -> Job:
    """Ends a job; what is finished stays."""
    job = service.cancel(session, job_id)
    return Job.with_counts(job, repository.count_items(session, job.id), None, links)


@router.post(
    "/jobs/{jobId}/retry", status_code=202, responses={**ACCEPTED, **problems(409, 413, 422)}
)
def retry_job(
    job_id: JobPath,
    access: JobsCreator,
    unit: UnitDep,
    queue: QueueDep,
    links: LinksDep,
    response: Response,
) -> Job:
    """Starts a new job for just the parts that failed."""
    job = service.retry_failed(session, queue, job_id, access.caller.client)
    return accepted(session, job, links, response)


def accepted(session: Session, job: JobRow, links: Links, response: Response) -> Job:
    """The body of a 202, and the place to follow the job at."""
    response.headers["Location"] = links.job(job.id)
    return Job.with_counts(job, repository.count_items(session, job.id), None, links)


def _result_of(job: JobRow, links: Links) -> str:
    if job.kind == APPLY_DELIVERY:
        return links.delivery(job.subject)
    return links.job_result(job.id)


def _see_other(location: str, job: Job) -> Response:
    body = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    return JSONResponse(body, 303, {"Location": location})


def _problem(session: Session, job: JobRow, counts: Counts) -> dict[str, Any] | None:
    """Why a job failed: its own problem or, where it has one part only, that part's."""
    if job.state != State.FAILED or job.problem is not None or counts.total != 1:
        return job.problem
    _, failures = repository.page_of_failures(session, job.id, 0, 1)
    return failures[0][2] if failures else None
