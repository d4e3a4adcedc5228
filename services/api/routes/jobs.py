"""Operations on jobs: start, poll, follow, cancel and retry."""

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
from shared.core.database import DATABASE_AWAY, act_for, transaction
from shared.core.errors import ResourceNotFound
from shared.documents.building import start_build
from shared.jobs import repository, service
from shared.jobs.models import Job as JobRow
from shared.jobs.rules import APPLY_DELIVERY, Counts, State

router = operations("jobs")

_LOCATION = {"Location": {"schema": {"type": "string", "format": "uri"}}}
_SEE_OTHER: dict[int | str, dict[str, Any]] = {
    303: {
        "description": "Done. `Location` is the URL of the result.",
        "model": Job,
        "headers": _LOCATION,
    }
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "Accepted. Poll the URL in `Location` for progress.", "headers": _LOCATION}
}


@router.post("/jobs", status_code=202, responses={**ACCEPTED, **problems(409, 413, 415, 422)})
def create_job(
    order: NewJob,
    inquiry: JobsCreator,
    session: SessionDep,
    queue: QueueDep,
    links: LinksDep,
    response: Response,
) -> Job:
    """Start a job, or get the active job for the same work."""
    job = start_build(
        session,
        queue,
        order.administration_id,
        order.school_id,
        inquiry.actor.client,
        force=order.force,
    )
    return accepted(session, job, links, response)


@router.get("/jobs")
def list_jobs(_: JobsReader, session: SessionDep, page: PageDep, links: LinksDep) -> JobPage:
    """List jobs, newest first."""
    total, jobs = repository.page_of_jobs(session, page.offset, page.size)
    return JobPage(items=[JobSummary.of(job, links) for job in jobs], **page.metadata(total))


@router.get("/jobs/{jobId}", responses=_SEE_OTHER)
def get_job(job_id: JobPath, _: JobsReader, session: SessionDep, links: LinksDep) -> Any:
    """Get the progress of a job; redirects to its result when it is done."""
    job, counts = service.read(session, job_id)
    pace = service.measure_pace(session, job, counts)
    shown = Job.with_counts(job, counts, _problem(session, job, counts), links, pace)
    if job.state != State.DONE:
        return shown
    return _see_other(_result_of(job, links), shown)


@router.get("/jobs/{jobId}/result", responses={200: {"model": JobResult}, **_SEE_OTHER})
def get_job_result(job_id: JobPath, _: JobsReader, session: SessionDep, links: LinksDep) -> Any:
    """Get the result of a job; not found before it is done."""
    job, counts = service.read(session, job_id)
    if job.state != State.DONE:
        raise ResourceNotFound
    if job.kind == APPLY_DELIVERY:
        return _see_other(_result_of(job, links), Job.with_counts(job, counts, None, links))
    return JobResult.of(job, counts, repository.sum_outcomes(session, job.id), links)


def _require_job(job_id: JobPath, _: JobsReader, session: SessionDep) -> UUID:
    """Check that the job exists, before the status line is sent."""
    return service.read(session, job_id)[0].id


@router.get("/jobs/{jobId}/events", response_class=EventSourceResponse)
async def stream_job_events(
    job_id: Annotated[UUID, Depends(_require_job)],
    request: Request,
    inquiry: JobsReader,
    resources: ResourcesDep,
) -> AsyncIterator[JobProgress]:
    """Stream the progress of a job as server-sent events: now, and at each change.

    The stream ends with the job; comments keep the connection alive. When it ends while the job
    is `processing`, request it again.
    """

    def read() -> JobProgress | None:
        return _read_progress(resources, request, inquiry.actor, job_id)

    async for progress in stream_changes(resources, read, JobProgress.is_last):
        yield progress


def _read_progress(
    resources: Resources, request: Request, actor: Actor, job_id: UUID
) -> JobProgress | None:
    """Return None when the job is gone, or the token is no longer valid."""
    try:
        with transaction(resources.sessions) as session:
            act_for(session, actor.client, actor.kind, actor.organisation)
            if not token_holds(session, request):
                return None
            job, counts = service.read(session, job_id)
            pace = service.measure_pace(session, job, counts)
            return JobProgress.of(job, counts, _problem(session, job, counts), pace)
    except (ResourceNotFound, *DATABASE_AWAY):
        return None


@router.get("/jobs/{jobId}/failures")
def list_job_failures(
    job_id: JobPath, _: JobsReader, session: SessionDep, page: PageDep
) -> JobFailurePage:
    """List what could not be built, and why; without personal data."""
    service.read(session, job_id)
    total, rows = repository.page_of_failures(session, job_id, page.offset, page.size)
    failures = [JobFailure.of(item, subject, problem) for item, subject, problem in rows]
    return JobFailurePage(items=failures, **page.metadata(total))


@router.post("/jobs/{jobId}/cancel", responses=problems(409))
def cancel_job(job_id: JobPath, _: JobsWriter, session: SessionDep, links: LinksDep) -> Job:
    """Cancel a job; items that are done are kept."""
    job = service.cancel(session, job_id)
    return Job.with_counts(job, repository.count_items(session, job.id), None, links)


@router.post(
    "/jobs/{jobId}/retry", status_code=202, responses={**ACCEPTED, **problems(409, 413, 422)}
)
def retry_job(
    job_id: JobPath,
    inquiry: JobsCreator,
    session: SessionDep,
    queue: QueueDep,
    links: LinksDep,
    response: Response,
) -> Job:
    """Start a new job for only the items that failed."""
    job = service.retry_failed(session, queue, job_id, inquiry.actor.client)
    return accepted(session, job, links, response)


def accepted(session: Session, job: JobRow, links: Links, response: Response) -> Job:
    """Return the body of a 202 response, and set its `Location`."""
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
    """Return why a job failed: its own problem, or that of its only item."""
    if job.state != State.FAILED or job.problem is not None or counts.total != 1:
        return job.problem
    _, failures = repository.page_of_failures(session, job.id, 0, 1)
    return failures[0][2] if failures else None
