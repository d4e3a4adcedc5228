"""Commands around jobs and releases: build documents, follow jobs, open a window."""

import time
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from sqlalchemy.orm import Session

from services.cli.progress import JobProgress, job_table, job_view, paced_bar
from services.cli.target import (
    DEFAULT_DATA,
    OPERATOR_REQUEST,
    DataOption,
    sessions_of,
    settings_for,
)
from shared.access.products import Product
from shared.core.clock import BRUSSELS, database_now, in_brussels
from shared.core.database import Sessions
from shared.core.errors import InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.jobs import repository
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.jobs.rules import ENDED, State
from shared.jobs.service import measure_pace, read
from shared.releases.service import WindowPlan, save_window

POLL_SECONDS = 0.2


def build(
    administration: Annotated[str, typer.Option(help="Id of the administration.")],
    school: Annotated[str | None, typer.Option(help="Just this school, by its number.")] = None,
    follow: Annotated[bool, typer.Option(help="Show progress until it has ended.")] = False,
    force: Annotated[bool, typer.Option(help="Also make again what has not changed.")] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Build documents of an administration, or of one of its schools: those that changed."""
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
    last: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    follow: Annotated[bool, typer.Option(help="Show progress until all have ended.")] = False,
) -> None:
    """List jobs, newest first, with how far they are."""
    with sessions_of(settings_for(data)) as sessions:
        if follow:
            watch(sessions, last, Console())
        else:
            Console().print(job_table(_latest(sessions, last)))


def release(
    administration: Annotated[str, typer.Option(help="Id of the administration.")],
    opens_at: Annotated[
        str | None,
        typer.Option(help="Moment it opens, as 2024-06-21T08:00 in Brussels; now when left out."),
    ] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set the moment at which the student feedback of an administration opens."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        moment = _in_brussels(opens_at) if opens_at else database_now(unit.session)
        plan = WindowPlan(administration, Product.STUDENT_FEEDBACK, opens_at=moment)
        save_window(unit, OPERATOR_REQUEST, plan)
    print(f"Student feedback of {administration} opens at {in_brussels(moment).isoformat()}.")


def _in_brussels(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("opens_at", detail="Write it as 2024-06-21T08:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=BRUSSELS)


def watch(sessions: Sessions, last: int, console: Console) -> None:
    """Shows how far the latest jobs are until all of them have ended."""
    with job_view(console) as show:
        while True:
            jobs = _latest(sessions, last)
            show(jobs)
            if all(seen.job.state in ENDED for seen in jobs):
                return
            time.sleep(POLL_SECONDS)


def _latest(sessions: Sessions, last: int) -> list[JobProgress]:
    with UnitOfWork(sessions) as unit:
        _, jobs = repository.page_of_jobs(unit.session, 0, last)
        return [_progress(unit.session, job.id) for job in jobs]


def _progress(session: Session, job_id: UUID) -> JobProgress:
    job, counts = read(session, job_id)
    return JobProgress(job, counts, measure_pace(session, job, counts))


def _follow(sessions: Sessions, job_id: UUID) -> None:
    """Shows progress until the job has ended; leaves with 1 when anything failed."""
    with UnitOfWork(sessions) as unit:
        seen = _progress(unit.session, job_id)
    with paced_bar("Schools", seen.counts.total, Console()) as advance_to:
        while seen.job.state not in ENDED:
            time.sleep(POLL_SECONDS)
            with UnitOfWork(sessions) as unit:
                seen = _progress(unit.session, job_id)
            advance_to(seen.counts.ended, seen.pace)
    job, counts = seen.job, seen.counts
    with UnitOfWork(sessions) as unit:
        made = repository.sum_outcomes(unit.session, job_id)
    print(f"{job.state}: " + ", ".join(f"{number:,} {name}" for name, number in made.items()))
    if job.state != State.DONE or counts.failed or counts.failures:
        print(f"{counts.failed} schools and {counts.failures} documents failed; see the job.")
        raise typer.Exit(1)
