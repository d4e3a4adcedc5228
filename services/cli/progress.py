"""Progress display: live on a terminal, a line per quarter elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table

from shared.core.clock import in_brussels
from shared.jobs.models import Job
from shared.jobs.rules import Counts, Pace, State

LINES_PER_JOB = 4
BAR_WIDTH = 16

ReportProgress = Callable[[int, Pace | None], None]


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
        yield lambda done: advance(done, None)


@contextmanager
def paced_bar(title: str, total: int, console: Console) -> Iterator[ReportProgress]:
    """Show a progress bar with a pace; yield the function that sets both."""
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
        yield lambda done, pace: bar.update(task, completed=done, pace=_format_pace(pace))


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
            printers[progress.job.id](progress.counts.ended, progress.pace)
            if progress.has_failures and progress.job.id not in reported:
                reported.add(progress.job.id)
                failed = f"{title}: done with {progress.counts.all_failures:,} failures"
                console.print(failed, highlight=False, soft_wrap=True)

    yield print_lines


def job_table(jobs: Sequence[JobProgress]) -> Table:
    """Return a table with a row per job."""
    table = Table(
        "job", "kind", "subject", "state", "progress", "done", "failed", "pace", "created"
    )
    for progress in jobs:
        job, counts = progress.job, progress.counts
        table.add_row(
            str(job.id),
            job.kind,
            job.subject,
            f"{job.state} with failures" if progress.has_failures else job.state,
            ProgressBar(total=max(counts.total, 1), completed=counts.ended, width=BAR_WIDTH),
            f"{counts.ended} of {counts.total}",
            f"{counts.all_failures:,}",
            _format_pace(progress.pace),
            f"{in_brussels(job.created_at):%Y-%m-%d %H:%M:%S}",
        )
    return table


def _line_printer(title: str, total: int, console: Console) -> ReportProgress:
    shown = 0

    def advance_to(done: int, pace: Pace | None) -> None:
        nonlocal shown
        step = done * LINES_PER_JOB // total if total else LINES_PER_JOB
        if step > shown:
            shown = step
            line = ", ".join(filter(None, (f"{title}: {done:,} of {total:,}", _format_pace(pace))))
            console.print(line, highlight=False, soft_wrap=True)

    return advance_to


def _format_pace(pace: Pace | None) -> str:
    if pace is None:
        return ""
    return f"{pace.items_per_second:.1f}/s, {round(pace.remaining.total_seconds())} s to go"
