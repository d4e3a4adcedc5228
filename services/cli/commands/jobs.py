"""Commands for jobs: build documents, compute school feedback, follow jobs."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from redis import RedisError
from rich.console import Console
from sqlalchemy.orm import Session

from services.cli.output import JsonOption, print_json
from services.cli.progress import JobProgress, job_view, paced_bar, print_jobs
from services.cli.target import (
    DEFAULT_DATA,
    DataOption,
    sessions_of,
    settings_for,
)
from shared.core.database import Sessions
from shared.core.paging import PageSelection
from shared.core.redis_errors import explain_redis_error
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.jobs import repository
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.jobs.rules import ENDED, State
from shared.jobs.service import measure_pace, read
from shared.school_feedback.starting import start_computation

POLL_SECONDS = 0.2


class CommandQueue(WakeUpQueue):
    """A queue for a command: without Redis, it says that the job starts a little later."""

    def wake(self, kind: str) -> None:
        try:
            super().wake(kind)
        except RedisError as error:
            cause, _, remedy = explain_redis_error(error).partition("; ")
            print(
                f"toetsfeedback: the queue cannot be used: {cause}. "
                f"Workers find the job without it, within seconds; {remedy}",
                file=sys.stderr,
            )


def build(
    administration: Annotated[str, typer.Option(help="Id of the administration.")],
    school: Annotated[str | None, typer.Option(help="Build for this school number only.")] = None,
    follow: Annotated[
        bool, typer.Option(show_default=False, help="Show progress until the job ends.")
    ] = False,
    force: Annotated[
        bool, typer.Option(show_default=False, help="Also build documents that have not changed.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Build the changed documents of an administration or of one school."""

    def start(unit: UnitOfWork, queue: WakeUpQueue) -> Job:
        return start_build(unit, queue, administration, school, "cli", force=force)

    _start(data, start, "Schools" if follow else None)


def compute(
    administration: Annotated[str, typer.Option(help="Id of the administration.")],
    school: Annotated[str | None, typer.Option(help="Compute for this school number only.")] = None,
    follow: Annotated[
        bool, typer.Option(show_default=False, help="Show progress until the job ends.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Compute the school feedback of an administration or of one school."""

    def start(unit: UnitOfWork, queue: WakeUpQueue) -> Job:
        return start_computation(unit, queue, administration, school, "cli")

    _start(data, start, "Batches of schools" if follow else None)


def _start(
    data: Path, start: Callable[[UnitOfWork, WakeUpQueue], Job], followed: str | None
) -> None:
    """Start a job; follow its items if they have a name."""
    settings = settings_for(data)
    broker = open_broker(settings, middleware=[])
    with sessions_of(settings) as sessions:
        with UnitOfWork(sessions) as unit:
            job = start(unit, CommandQueue(broker))
        print(f"Job {job.id}")
        if followed:
            _follow(sessions, job.id, followed)
    broker.close()


def list_jobs(
    data: DataOption = DEFAULT_DATA,
    last: Annotated[int, typer.Option(min=1, max=1_000, help="Number of jobs to list.")] = 20,
    follow: Annotated[
        bool, typer.Option(show_default=False, help="Show progress until all jobs end.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List jobs with their progress, newest first."""
    if follow and as_json:
        raise typer.BadParameter("choose --follow or --json", param_hint="--json")
    settings = settings_for(data)
    with sessions_of(settings) as sessions:
        if follow:
            watch(sessions, last, Console())
        elif as_json:
            print_json([_as_json(job, settings) for job in _latest_jobs(sessions, last)])
        else:
            print_jobs(_latest_jobs(sessions, last))


def _as_json(progress: JobProgress, settings: Settings) -> dict[str, Any]:
    """Return a job as `GET /v1/jobs/{jobId}` does."""
    from services.api.http.links import Links
    from services.api.schemas.jobs import Job as JobSchema

    links = Links(settings.public_url)
    job = JobSchema.with_counts(progress.job, progress.counts, None, links, progress.pace)
    return job.model_dump(mode="json", by_alias=True, exclude_none=True)


def watch(sessions: Sessions, last: int, console: Console) -> None:
    """Show the progress of the latest jobs until all of them end."""
    with job_view(console) as show:
        while True:
            jobs = _latest_jobs(sessions, last)
            show(jobs)
            if all(progress.job.state in ENDED for progress in jobs):
                return
            time.sleep(POLL_SECONDS)


def _latest_jobs(sessions: Sessions, last: int) -> list[JobProgress]:
    with UnitOfWork(sessions) as unit:
        jobs = repository.page_of_jobs(unit.session, PageSelection(last))
        return [_progress(unit.session, job.id) for job in jobs.rows]


def _progress(session: Session, job_id: UUID) -> JobProgress:
    job, counts = read(session, job_id)
    return JobProgress(job, counts, measure_pace(session, job, counts))


def _follow(sessions: Sessions, job_id: UUID, items: str) -> None:
    """Show progress until the job ends; exit 1 if anything failed."""
    with UnitOfWork(sessions) as unit:
        progress = _progress(unit.session, job_id)
    with paced_bar(items, progress.counts.total, Console()) as advance_to:
        while progress.job.state not in ENDED:
            time.sleep(POLL_SECONDS)
            with UnitOfWork(sessions) as unit:
                progress = _progress(unit.session, job_id)
            counts = progress.counts
            advance_to(counts.ended, progress.pace, counts.waiting_for)
    job, counts = progress.job, progress.counts
    with UnitOfWork(sessions) as unit:
        outcome = repository.sum_outcomes(unit.session, job_id)
    print(f"{job.state}: " + ", ".join(f"{number:,} {name}" for name, number in outcome.items()))
    if job.state != State.DONE or counts.failed or counts.failures:
        print(f"{items} that failed: {counts.failed}; parts of others: {counts.failures}.")
        print(f"GET /v1/jobs/{job_id}/failures lists them.")
        raise typer.Exit(1)
