"""Progress display: live on a terminal, a line per quarter elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Column, Table

from services.cli.output import print_table
from shared.core.clock import in_brussels
from shared.jobs.models import Job
from shared.jobs.rules import Counts, Pace, State

LINES_PER_JOB = 4
BAR_WIDTH = 16
UUID_LENGTH = 36

ReportProgress = Callable[[int, Pace | None, str | None], None]
"""Sets the number completed, the pace, and the server that the rest waits for."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A job with the counts of its items and its pace, if it has one."""

    job: Job
    counts: Counts
    pace: Pace | None

    @property
    def has_failures(self) -> bool:
        """True for a job that is done, but not all of it."""
        return self.job.state == State.DONE and self.counts.all_failures > 0


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar; yield the function that sets the number completed."""
    with paced_bar(title, total, Console()) as advance:
        yield lambda done: advance(done, None, None)


@contextmanager
def paced_bar(title: str, total: int, console: Console) -> Iterator[ReportProgress]:
    """Show a progress bar with a pace, or with what the job waits for; yield what sets them."""
    if not console.is_terminal:
        yield _line_printer(title, total, console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, pace="")
        yield lambda done, pace, waiting_for: bar.update(
            task, completed=done, pace=_format_waiting(waiting_for) or _format_pace(pace)
        )


@contextmanager
def job_view(console: Console) -> Iterator[Callable[[Sequence[JobProgress]], None]]:
    """Show the progress of several jobs; yield the function that sets it."""
    if console.is_terminal:
        with Live(console=console) as live:
            yield lambda jobs: live.update(job_table(jobs), refresh=True)
        return
    printers: dict[UUID, ReportProgress] = {}
    reported: set[UUID] = set()

    def print_lines(jobs: Sequence[JobProgress]) -> None:
        for progress in reversed(jobs):
            title = f"{progress.job.kind} {progress.job.subject}"
            if progress.job.id not in printers:
                printers[progress.job.id] = _line_printer(title, progress.counts.total, console)
            counts = progress.counts
            printers[progress.job.id](counts.ended, progress.pace, counts.waiting_for)
            if progress.has_failures and progress.job.id not in reported:
                reported.add(progress.job.id)
                failed = f"{title}: done with {progress.counts.all_failures:,} failures"
                console.print(failed, highlight=False, soft_wrap=True)

    yield print_lines


def print_jobs(jobs: Sequence[JobProgress]) -> None:
    """Print a line per job."""
    columns = ("job", "kind", "subject", "state", "done", "failed", "pace", "created")
    print_table(columns, (_cells(progress) for progress in jobs))


def job_table(jobs: Sequence[JobProgress]) -> Table:
    """Return a table for a terminal with a row and a bar per job; ids are never cut."""
    table = Table(Column("job", min_width=UUID_LENGTH, no_wrap=True), box=None)
    for name in ("kind", "subject", "state", "done", "failed", "pace", "created", "progress"):
        table.add_column(name, overflow="fold")
    for progress in jobs:
        counts = progress.counts
        bar = ProgressBar(total=max(counts.total, 1), completed=counts.ended, width=BAR_WIDTH)
        table.add_row(*_cells(progress), bar)
    return table


def _cells(progress: JobProgress) -> tuple[str, ...]:
    job, counts = progress.job, progress.counts
    return (
        str(job.id),
        job.kind,
        job.subject,
        _state(progress),
        f"{counts.ended} of {counts.total}",
        f"{counts.all_failures:,}",
        _format_pace(progress.pace),
        f"{in_brussels(job.created_at):%Y-%m-%d %H:%M:%S}",
    )


def _state(progress: JobProgress) -> str:
    if progress.counts.waiting_for:
        return f"{progress.job.state}, waiting for the {progress.counts.waiting_for}"
    return f"{progress.job.state} with failures" if progress.has_failures else progress.job.state


def _line_printer(title: str, total: int, console: Console) -> ReportProgress:
    """Return a function that prints a line per quarter, and when the job begins to wait."""
    shown, waited_for = 0, None

    def advance_to(done: int, pace: Pace | None, waiting_for: str | None) -> None:
        nonlocal shown, waited_for
        step = done * LINES_PER_JOB // total if total else LINES_PER_JOB
        if step > shown or (waiting_for and waiting_for != waited_for):
            shown, waited_for = max(shown, step), waiting_for or waited_for
            state = _format_waiting(waiting_for) or _format_pace(pace)
            line = ", ".join(filter(None, (f"{title}: {done:,} of {total:,}", state)))
            console.print(line, highlight=False, soft_wrap=True)

    return advance_to


def _format_waiting(waiting_for: str | None) -> str:
    return f"waiting for the {waiting_for} (see `toetsfeedback doctor`)" if waiting_for else ""


def _format_pace(pace: Pace | None) -> str:
    if pace is None:
        return ""
    return f"{pace.items_per_second:.1f}/s, {round(pace.remaining.total_seconds())} s to go"
