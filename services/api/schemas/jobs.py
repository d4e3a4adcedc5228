"""JSON of jobs, in the form Belgif gives to long-running tasks."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from services.api.http.links import Links
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
from shared.jobs.rules import USUAL_POLL, Counts, Pace, State, poll_delay

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
    def of(
        cls, job: JobRow, problem: dict[str, Any] | None, poll_in: timedelta | None = USUAL_POLL
    ) -> Self:
        """Without `poll_in` for who need not ask again."""
        state = _STATES[job.state]
        if state == "processing":
            poll_after = None if poll_in is None else datetime.now(UTC) + poll_in
            return cls(state=state, poll_after=poll_after)
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


class JobPace(Answer):
    """How fast it gets on, measured over its last half minute."""

    items_per_second: float
    estimated_end: Annotated[Instant, Field(description="If it goes on so.")]

    @classmethod
    def of(cls, pace: Pace | None) -> Self | None:
        if pace is None:
            return None
        return cls(
            items_per_second=round(pace.items_per_second, 3),
            estimated_end=(datetime.now(UTC) + pace.remaining).replace(microsecond=0),
        )


class JobProgress(Answer):
    """How far a job is at one moment."""

    status: TaskStatus
    counts: JobCounts
    pace: JobPace | None = None

    @classmethod
    def of(
        cls, job: JobRow, counts: Counts, problem: dict[str, Any] | None, pace: Pace | None
    ) -> Self:
        return cls(
            status=TaskStatus.of(job, problem, poll_in=None),
            counts=JobCounts.of(counts),
            pace=JobPace.of(pace),
        )

    def is_last(self) -> bool:
        return self.status.state != "processing"


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
    pace: JobPace | None = None

    @classmethod
    def with_counts(
        cls,
        job: JobRow,
        counts: Counts,
        problem: dict[str, Any] | None,
        links: Links,
        pace: Pace | None = None,
    ) -> Self:
        return cls(
            **_facts(job, links),
            status=TaskStatus.of(job, problem, poll_delay(pace)),
            counts=JobCounts.of(counts),
            pace=JobPace.of(pace),
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
