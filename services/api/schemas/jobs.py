"""JSON of jobs, in the form Belgif gives to long-running tasks."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from services.api.links import Links
from services.api.schemas.model import (
    SCHOOL_ID,
    AdministrationId,
    Answer,
    Instant,
    Link,
    Page,
    RequestBody,
)
from shared.core.errors import OWN
from shared.jobs.models import Job as JobRow
from shared.jobs.rules import Counts, State

POLL_AFTER = timedelta(seconds=2)

TaskState = Literal["processing", "failed", "done"]
_STATES: dict[str, TaskState] = {
    State.QUEUED: "processing",
    State.RUNNING: "processing",
    State.DONE: "done",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}


class NewJob(RequestBody):
    """Asks for the documents of an administration, or of one school in it."""

    kind: Literal["documents.build"]
    administration_id: AdministrationId
    school_id: Annotated[
        str | None, Field(pattern=SCHOOL_ID, description="Every school when absent.")
    ] = None
    force: Annotated[
        bool, Field(description="Also make documents again that say what is known already.")
    ] = False


class TaskProblem(Answer):
    """Why it failed; may hold more than this."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str | None = None
    status: int | None = None
    detail: str | None = None


class TaskStatus(Answer):
    state: TaskState
    poll_after: Annotated[Instant | None, Field(description="Not sooner, please.")] = None
    completed: Instant | None = None
    problem: TaskProblem | None = None

    @classmethod
    def of(cls, job: JobRow, problem: dict[str, Any] | None) -> Self:
        state = _STATES[job.state]
        if state == "processing":
            return cls(state=state, poll_after=datetime.now(UTC) + POLL_AFTER)
        if state == "done":
            return cls(state=state, completed=job.finished_at)
        known = problem or _unexplained(job)
        return cls(
            state=state, completed=job.finished_at, problem=TaskProblem.model_validate(known)
        )


def _unexplained(job: JobRow) -> dict[str, Any]:
    if job.state == State.CANCELLED:
        return {
            "type": f"{OWN}jobCancelled",
            "title": "Job Cancelled",
            "status": 409,
            "detail": "The job was cancelled; what was finished before stays.",
        }
    return {
        "type": f"{OWN}jobFailed",
        "title": "Job Failed",
        "status": 500,
        "detail": "Every part of the job failed; its failures say why.",
    }


class JobCounts(Answer):
    """Parts of the job by state; `failures` are things missing from parts that are done."""

    total: int
    queued: int
    running: int
    done: int
    failed: int
    cancelled: int
    failures: int

    @classmethod
    def of(cls, counts: Counts) -> Self:
        return cls(
            total=counts.total,
            queued=counts.queued,
            running=counts.running,
            done=counts.done,
            failed=counts.failed,
            cancelled=counts.cancelled,
            failures=counts.failures,
        )


class JobSummary(Answer):
    """A job as a list shows it."""

    href: Link
    id: UUID
    kind: str
    subject: Annotated[
        str, Field(description="An administration, `administration/school`, or a delivery's id.")
    ]
    requested_by: Annotated[str, Field(description="Name of the client.")]
    created_at: Instant
    started_at: Instant | None = None
    status: TaskStatus

    @classmethod
    def of(cls, job: JobRow, links: Links) -> Self:
        return cls(**_facts(job, links), status=TaskStatus.of(job, job.problem))


class Job(JobSummary):
    """A job with its progress."""

    counts: JobCounts

    @classmethod
    def with_counts(
        cls, job: JobRow, counts: Counts, problem: dict[str, Any] | None, links: Links
    ) -> Self:
        return cls(
            **_facts(job, links), status=TaskStatus.of(job, problem), counts=JobCounts.of(counts)
        )


def _facts(job: JobRow, links: Links) -> dict[str, Any]:
    return {
        "href": links.job(job.id),
        "id": job.id,
        "kind": job.kind,
        "subject": job.subject,
        "requested_by": job.requested_by,
        "created_at": job.created_at,
        "started_at": job.started_at,
    }


class JobPage(Page):
    items: list[JobSummary]


class JobResult(Answer):
    """What came of a job that is done: numbers by name, added up over its parts."""

    self_link: Annotated[Link, Field(alias="self")]
    job: Link
    outcome: Annotated[dict[str, int], Field(examples=[{"fiches": 52, "overviews": 1}])]
    counts: JobCounts


class JobFailure(Answer):
    """One thing that could not be made: in which part, about what, and why."""

    item: Annotated[str, Field(description="The part: a school or a delivery.")]
    subject: Annotated[str, Field(description="Opaque id of what is missing, or the part.")]
    problem: TaskProblem | None = None


class JobFailurePage(Page):
    items: list[JobFailure]
