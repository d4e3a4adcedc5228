"""Operations on jobs: start one, follow it, cancel it, retry the items that failed."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.sse import EventSourceResponse
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from services.api.dependencies import LinksDep, QueueDep, ResourcesDep, UnitDep
from services.api.http.context import context_of
from services.api.http.event_streams import stream_changes
from services.api.http.links import Links
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import JobPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.resources import Resources
from services.api.schemas.jobs import (
    Job,
    JobFailure,
    JobFailurePage,
    JobPage,
    JobProgress,
    JobResult,
    JobSummary,
)
from services.api.schemas.new_job import NewJob
from services.api.security.authentication import token_is_active
from services.api.security.permissions import JobsReader, JobsWriter
from shared.access.decisions import act_for, record_change
from shared.access.requests import AccessRequest
from shared.access.rules import Scope
from shared.core.database import DATABASE_UNAVAILABLE
from shared.core.errors import ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.uploads import remove_upload_of
from shared.documents.building import start_build
from shared.jobs import repository, service
from shared.jobs.models import Job as JobRow
from shared.jobs.rules import APPLY_DELIVERY, COMPUTE_FEEDBACK, Counts, State
from shared.school_feedback.starting import start_computation

router = operations("jobs")

_LOCATION = headers("Location")
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


@router.post("/jobs", status_code=202, responses=ACCEPTED)
def create_job(
    new_job: NewJob,
    access: JobsWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    queue: QueueDep,
    links: LinksDep,
    request: Request,
    response: Response,
) -> Job:
    """Start a job, or return the active one for the same work."""
    school = new_job.administration_id, new_job.school_id
    if new_job.kind == COMPUTE_FEEDBACK:
        job = start_computation(unit, queue, *school, access.caller.client, access.trace_id)
    else:
        options: dict[str, Any] = {"force": new_job.force, "trace_id": access.trace_id}
        job = start_build(unit, queue, *school, access.caller.client, **options)
    return accepted(unit.session, job, links, request, response)


@router.get("/jobs")
def list_jobs(_: JobsReader, unit: UnitDep, page: PageDep, links: LinksDep) -> JobPage:
    """List the jobs, newest first."""
    found = repository.page_of_jobs(unit.session, page.selection)
    items = [JobSummary.of(job, links) for job in found.rows]
    return JobPage(items=items, **page.metadata(found))


@router.get("/jobs/{jobId}", response_model=Job, responses=_SEE_OTHER)
def get_job(job_id: JobPath, _: JobsReader, unit: UnitDep, links: LinksDep) -> Any:
    """Return the progress of a job, or redirect to its result once it is done."""
    job, counts = service.read(unit.session, job_id)
    pace = service.measure_pace(unit.session, job, counts)
    shown = Job.with_counts(job, counts, _problem(unit.session, job, counts), links, pace)
    if job.state != State.DONE:
        return shown
    return _see_other(_result_of(job, links), shown)


@router.get("/jobs/{jobId}/result", response_model=JobResult, responses=_SEE_OTHER)
def get_job_result(job_id: JobPath, _: JobsReader, unit: UnitDep, links: LinksDep) -> Any:
    """Return the result of a job; not found before it is done."""
    job, counts = service.read(unit.session, job_id)
    if job.state != State.DONE:
        raise ResourceNotFound
    if job.kind == APPLY_DELIVERY:
        return _see_other(_result_of(job, links), Job.with_counts(job, counts, None, links))
    return JobResult.of(job, counts, repository.sum_outcomes(unit.session, job.id), links)


def _require_job(job_id: JobPath, _: JobsReader, unit: UnitDep) -> UUID:
    """Require the job before the stream begins, while a problem can still be the response."""
    return service.read(unit.session, job_id)[0].id


@router.get("/jobs/{jobId}/events", response_class=EventSourceResponse)
async def stream_job_events(
    job_id: Annotated[UUID, Depends(_require_job)],
    request: Request,
    access: JobsReader,
    resources: ResourcesDep,
) -> AsyncIterator[JobProgress]:
    """Stream the progress of a job as server-sent events: now, and at each change until it ends.

    The server sends comment lines to keep the connection alive. A stream that ends while the job is
    `processing` was interrupted: connect again.
    """

    def read() -> JobProgress | None:
        return _progress(resources, request, access, job_id)

    async for progress in stream_changes(resources, read, JobProgress.is_last):
        yield progress


def _progress(
    resources: Resources, request: Request, access: AccessRequest, job_id: UUID
) -> JobProgress | None:
    """Return the progress of a job; None when it or the token is not valid any more."""
    try:
        with UnitOfWork(resources.sessions) as unit:
            act_for(unit, access.caller)
            if not token_is_active(unit, request, Scope.JOBS_READ):
                return None
            job, counts = service.read(unit.session, job_id)
            pace = service.measure_pace(unit.session, job, counts)
            problem, links = _problem(unit.session, job, counts), Links(resources.public_url)
            return JobProgress.of(job, counts, problem, pace, links)
    except (ResourceNotFound, *DATABASE_UNAVAILABLE):
        return None


@router.get("/jobs/{jobId}/failures")
def list_job_failures(
    job_id: JobPath, _: JobsReader, unit: UnitDep, page: PageDep, links: LinksDep
) -> JobFailurePage:
    """List the failures of a job with their problems; no failure names a person."""
    service.read(unit.session, job_id)
    found = repository.page_of_failures(unit.session, job_id, page.selection)
    items = [JobFailure.of(row, links) for row in found.rows]
    return JobFailurePage(items=items, **page.metadata(found))


@router.post("/jobs/{jobId}/cancel", responses=problems("jobEnded"))
def cancel_job(
    job_id: JobPath, access: JobsWriter, unit: UnitDep, links: LinksDep, resources: ResourcesDep
) -> Job:
    """Cancel a job; finished items stay. The upload of a delivery is deleted."""
    job = service.cancel(unit.session, job_id)
    if job.kind == APPLY_DELIVERY:
        record_change(unit, access, access.action, f"/v1/deliveries/{job.subject}")
        remove_upload_of(unit, resources.storage, job)
    return Job.with_counts(job, repository.count_items(unit.session, job.id), None, links)


@router.post(
    "/jobs/{jobId}/retry",
    status_code=202,
    responses={**ACCEPTED, **problems("jobActive", "nothingFailed")},
)
def retry_job(
    job_id: JobPath,
    access: JobsWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    queue: QueueDep,
    links: LinksDep,
    request: Request,
    response: Response,
) -> Job:
    """Start a new job for the items that failed."""
    job = service.retry_failed(unit, queue, job_id, access.caller.client, access.trace_id)
    return accepted(unit.session, job, links, request, response)


def accepted(
    session: Session, job: JobRow, links: Links, request: Request, response: Response
) -> Job:
    """Return the body of a 202; set the location of the job, and log its id with the request."""
    context_of(request).job_id = job.id
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
    """Return the problem of a failed job, or that of its only item."""
    if job.state != State.FAILED or job.problem is not None or counts.total != 1:
        return job.problem
    failures = repository.page_of_failures(session, job.id, PageSelection(1)).rows
    return failures[0].problem if failures else None
