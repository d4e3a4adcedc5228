"""JSON of jobs, by Belgif's pattern of long-running tasks."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from services.api.http.links import Links
from services.api.http.problem_types import stored_problem
from services.api.schemas.model import (
    Link,
    Page,
    ResponseDateTime,
    ResponseModel,
)
from shared.jobs.models import Job as JobRow
from shared.jobs.repository import Failure
from shared.jobs.rules import (
    BUILD_DOCUMENTS,
    DEFAULT_POLL_DELAY,
    Counts,
    Pace,
    State,
    poll_delay,
)

TaskState = Literal["processing", "failed", "done"]
_STATES: dict[str, TaskState] = {
    State.QUEUED: "processing",
    State.RUNNING: "processing",
    State.DONE: "done",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}

WAITING_FOR = "The server that items of the job wait for, and why. They go on once it is available."
_WAITING = Field(description=WAITING_FOR, examples=["object store: no space left on device"])


class TaskProblem(ResponseModel):
    """The reason of a failure; may have more members, depending on `type`."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str | None = None
    status: int | None = None
    detail: str | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any], links: Links) -> Self:
        return cls.model_validate(stored_problem(stored, links))


class TaskStatus(ResponseModel):
    state: TaskState
    poll_after: Annotated[
        ResponseDateTime | None, Field(description="Do not poll before this time.")
    ] = None
    completed: ResponseDateTime | None = None
    problem: Annotated[
        TaskProblem | None,
        Field(description="Why the task failed; of a task that is `done`: what of it failed."),
    ] = None

    @classmethod
    def of(
        cls,
        job: JobRow,
        problem: dict[str, Any] | None,
        links: Links,
        poll_in: timedelta | None = DEFAULT_POLL_DELAY,
    ) -> Self:
        """Return the status of a job; `poll_in` is None for a client that does not poll."""
        state = _STATES[job.state]
        if state == "processing":
            poll_after = None if poll_in is None else datetime.now(UTC) + poll_in
            return cls(state=state, poll_after=poll_after)
        if state == "done":
            partly = job.problem and TaskProblem.of(job.problem, links)
            return cls(state=state, completed=job.finished_at, problem=partly)
        reason = problem or _general_reason(job)
        return cls(state=state, completed=job.finished_at, problem=TaskProblem.of(reason, links))


def _general_reason(job: JobRow) -> dict[str, Any]:
    if job.state == State.CANCELLED:
        return {
            "code": "jobCancelled",
            "detail": "The job was cancelled; the items that were done before are kept.",
        }
    return {
        "code": "jobFailed",
        "detail": "Every item of the job failed; `failures` has the reasons.",
    }


class JobCounts(ResponseModel):
    """The items of a job by state; `failures` counts failures inside items that are done."""

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


class JobPace(ResponseModel):
    """The speed of a job, measured over the last half minute."""

    items_per_second: float
    estimated_end: Annotated[ResponseDateTime, Field(description="At the current speed.")]

    @classmethod
    def of(cls, pace: Pace | None) -> Self | None:
        if pace is None:
            return None
        return cls(
            items_per_second=round(pace.items_per_second, 3),
            estimated_end=(datetime.now(UTC) + pace.remaining).replace(microsecond=0),
        )


class JobProgress(ResponseModel):
    """The progress of a job at one moment."""

    status: TaskStatus
    counts: JobCounts
    pace: JobPace | None = None
    waiting_for: Annotated[str | None, _WAITING] = None

    @classmethod
    def of(
        cls,
        job: JobRow,
        counts: Counts,
        problem: dict[str, Any] | None,
        pace: Pace | None,
        links: Links,
    ) -> Self:
        return cls(
            status=TaskStatus.of(job, problem, links, poll_in=None),
            counts=JobCounts.of(counts),
            pace=JobPace.of(pace),
            waiting_for=counts.waiting_for,
        )

    def is_last(self) -> bool:
        return self.status.state != "processing"


class JobSummary(ResponseModel):
    """A job in a list."""

    href: Link
    id: UUID
    kind: str
    subject: Annotated[
        str,
        Field(
            description="The administration, `administration/school`, or the id of the delivery; "
            "`/force` is appended for a forced build."
        ),
    ]
    requested_by: Annotated[str, Field(description="Name of the client that created it.")]
    created_at: ResponseDateTime
    started_at: ResponseDateTime | None = None
    status: TaskStatus

    @classmethod
    def of(cls, job: JobRow, links: Links) -> Self:
        return cls(**_facts(job, links), status=TaskStatus.of(job, job.problem, links))


class Job(JobSummary):
    """A job with its progress."""

    counts: JobCounts
    pace: JobPace | None = None
    waiting_for: Annotated[str | None, _WAITING] = None

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
            status=TaskStatus.of(job, problem, links, poll_delay(pace)),
            counts=JobCounts.of(counts),
            pace=JobPace.of(pace),
            waiting_for=counts.waiting_for,
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


class JobResult(ResponseModel):
    """The result of a job that is done: counts by name, summed over its items."""

    self_link: Annotated[Link, Field(alias="self")]
    job: Link
    documents: Annotated[
        Link | None,
        Field(
            description="The documents of the school; for a job of all schools, the schools of "
            "the administration, each with a list of documents. Needs a token with the scope of "
            "that operation."
        ),
    ] = None
    outcome: Annotated[dict[str, int], Field(examples=[{"fiches": 52, "overviews": 1}])]
    counts: JobCounts
    problem: Annotated[
        TaskProblem | None, Field(description="What failed; absent when all was done.")
    ] = None

    @classmethod
    def of(cls, job: JobRow, counts: Counts, outcome: dict[str, int], links: Links) -> Self:
        return cls(
            self_link=links.job_result(job.id),
            job=links.job(job.id),
            documents=_documents_of(job, links),
            outcome=outcome,
            counts=JobCounts.of(counts),
            problem=job.problem and TaskProblem.of(job.problem, links),
        )


def _documents_of(job: JobRow, links: Links) -> str | None:
    administration_id = job.arguments.get("administrationId")
    if job.kind != BUILD_DOCUMENTS or administration_id is None:
        return None
    school_id = job.arguments.get("schoolId")
    if school_id is None:
        return links.schools_of(administration_id)
    return links.documents_of(school_id, administration_id)


class JobFailure(ResponseModel):
    """A failure of a job: the item, the subject and the reason."""

    item: Annotated[str, Field(description="The item: a school, a range of schools or a delivery.")]
    subject: Annotated[str, Field(description="Opaque id of the failed part, or the item itself.")]
    problem: TaskProblem | None = None

    @classmethod
    def of(cls, failure: Failure, links: Links) -> Self:
        problem = None if failure.problem is None else TaskProblem.of(failure.problem, links)
        return cls(item=failure.item, subject=failure.subject, problem=problem)


class JobFailurePage(Page):
    items: list[JobFailure]
