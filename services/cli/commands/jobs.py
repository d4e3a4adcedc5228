"""Commands for jobs and releases: build documents, follow jobs, open a release window."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import typer
from rich.console import Console
from sqlalchemy.orm import Session

from services.cli.identity import ClientIdentity, PersonOption
from services.cli.output import JsonOption, print_json
from services.cli.progress import JobProgress, job_view, paced_bar, print_jobs
from services.cli.target import (
    DEFAULT_DATA,
    DataOption,
    sessions_of,
    settings_for,
)
from shared.access.products import Product
from shared.core.clock import from_brussels, in_brussels
from shared.core.database import Sessions
from shared.core.errors import Conflict, InvalidInput
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.jobs import repository
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.jobs.rules import ENDED, State
from shared.jobs.service import measure_pace, read

POLL_SECONDS = 0.2
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9:]{5})?")
EXAMPLE = "2026-06-21T08:00"
LAST_YEAR = 2099
"""The API accepts moments up to its end."""


def build(
    administration: Annotated[str, typer.Option(help="Id of the administration.")],
    school: Annotated[str | None, typer.Option(help="Build for this school number only.")] = None,
    follow: Annotated[bool, typer.Option(help="Show progress until the job ends.")] = False,
    force: Annotated[
        bool, typer.Option(help="Also build documents that have not changed.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Build the changed documents of an administration or of one school."""
    settings = settings_for(data)
    broker = open_broker(settings, middleware=[])
    with sessions_of(settings) as sessions:
        with UnitOfWork(sessions) as unit:
            queue = WakeUpQueue(broker)
            job = start_build(unit, queue, administration, school, "cli", force=force)
        print(f"Job {job.id}")
        if follow:
            _follow(sessions, job.id)
    broker.close()


def list_jobs(
    data: DataOption = DEFAULT_DATA,
    last: Annotated[int, typer.Option(min=1, max=1_000, help="Number of jobs to list.")] = 20,
    follow: Annotated[bool, typer.Option(help="Show progress until all jobs end.")] = False,
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
    from services.api.schemas.jobs import Job

    links = Links(settings.public_url)
    job = Job.with_counts(progress.job, progress.counts, None, links, progress.pace)
    return job.model_dump(mode="json", by_alias=True, exclude_none=True)


def release(
    administration: Annotated[str, typer.Option(help="Id of the administration.")],
    opens_at: Annotated[
        str, typer.Option(help="Opening time, such as 2026-06-21T08:00 in Brussels; in the future.")
    ],
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set the time at which the student feedback of an administration opens."""
    moment = parse_opening_time(opens_at, datetime.now(UTC))
    identity = ClientIdentity.find(data, person)
    scope = {"administrationId": administration, "product": Product.STUDENT_FEEDBACK}
    times = {"opensAt": moment.isoformat(timespec="milliseconds")}
    window = _find_window(identity, scope)
    if window is None:
        identity.request("POST", "/v1/releaseWindows", scope | times)
    else:
        others = {"plannedFrom": None, "closesAt": None, "never": False}
        identity.request("PATCH", f"/v1/releaseWindows/{window}", times | others)
    print(f"Student feedback of {administration} opens at {in_brussels(moment).isoformat()}.")


def _find_window(identity: ClientIdentity, scope: Mapping[str, str]) -> str | None:
    """Return the id of the only window of a whole administration; None when there is none.

    Raises:
        Conflict: there are several.
    """
    query = urlencode({"administrationId": scope["administrationId"], "pageSize": 200})
    found = [
        window["id"]
        for window in identity.list_all(f"/v1/releaseWindows?{query}")
        if scope.items() <= window.items() and not window.keys() & {"targetGroup", "component"}
    ]
    if len(found) > 1:
        raise Conflict(
            "severalReleaseWindows",
            "There are several windows for this administration; change one of them by its id.",
        )
    return found[0] if found else None


def parse_opening_time(text: str, now: datetime) -> datetime:
    """Return the moment, later than now, that a text names: in Brussels unless it has an offset.

    Raises:
        InvalidInput: it is no moment, a skipped or a repeated one, or not in the future.
    """
    if not MOMENT.fullmatch(text):
        raise InvalidInput(
            "opens_at", detail=f"Write date and time, as in {EXAMPLE}, or {EXAMPLE}+02:00."
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("opens_at", detail="There is no such date or time.") from None
    if not now.year <= moment.year <= LAST_YEAR:
        raise InvalidInput(
            "opens_at", detail=f"Choose a year from {now.year} to {LAST_YEAR}; it must be later."
        )
    try:
        instant = (moment if moment.tzinfo else from_brussels(moment)).astimezone(UTC)
    except ValueError as error:
        raise InvalidInput("opens_at", detail=str(error)) from None
    if instant <= now:
        raise InvalidInput("opens_at", detail="This moment has passed; choose a later one.")
    return instant


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


def _follow(sessions: Sessions, job_id: UUID) -> None:
    """Show progress until the job ends; exit 1 if anything failed."""
    with UnitOfWork(sessions) as unit:
        progress = _progress(unit.session, job_id)
    with paced_bar("Schools", progress.counts.total, Console()) as advance_to:
        while progress.job.state not in ENDED:
            time.sleep(POLL_SECONDS)
            with UnitOfWork(sessions) as unit:
                progress = _progress(unit.session, job_id)
            advance_to(progress.counts.ended, progress.pace)
    job, counts = progress.job, progress.counts
    with UnitOfWork(sessions) as unit:
        outcome = repository.sum_outcomes(unit.session, job_id)
    print(f"{job.state}: " + ", ".join(f"{number:,} {name}" for name, number in outcome.items()))
    if job.state != State.DONE or counts.failed or counts.failures:
        print(f"{counts.failed} schools and {counts.failures} documents failed.")
        print(f"GET /v1/jobs/{job_id}/failures lists them.")
        raise typer.Exit(1)
