"""Progress for people: live on a terminal, a plain line now and then without one."""

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
from shared.jobs.rules import Counts, Pace

PLAIN_STEPS = 4
BAR_WIDTH = 16

Advance = Callable[[int, Pace | None], None]


@dataclass(frozen=True, slots=True)
class JobProgress:
    job: Job
    counts: Counts
    pace: Pace | None


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many of `total` are done by now."""
    with paced_bar(title, total, Console()) as advance:
        yield lambda done: advance(done, None)


@contextmanager
def paced_bar(title: str, total: int, console: Console) -> Iterator[Advance]:
    """Yields a function that is told how many of `total` are done by now, and at which pace."""
    if not console.is_terminal:
        yield _plain_lines(title, total, console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, pace="")
        yield lambda done, pace: progress.update(task, completed=done, pace=_in_words(pace))


@contextmanager
def job_view(console: Console) -> Iterator[Callable[[Sequence[JobProgress]], None]]:
    """Yields a function that is shown how far jobs are by now."""
    if console.is_terminal:
        with Live(console=console) as live:
            yield lambda jobs: live.update(job_table(jobs), refresh=True)
        return
    advance: dict[UUID, Advance] = {}

    def print_steps(jobs: Sequence[JobProgress]) -> None:
        for seen in reversed(jobs):
            title = f"{seen.job.kind} {seen.job.subject}"
            if seen.job.id not in advance:
                advance[seen.job.id] = _plain_lines(title, seen.counts.total, console)
            advance[seen.job.id](seen.counts.ended, seen.pace)

    yield print_steps


def job_table(jobs: Sequence[JobProgress]) -> Table:
    table = Table("job", "kind", "about", "state", "progress", "done", "failed", "pace", "created")
    for seen in jobs:
        job, counts = seen.job, seen.counts
        table.add_row(
            str(job.id),
            job.kind,
            job.subject,
            job.state,
            ProgressBar(total=max(counts.total, 1), completed=counts.ended, width=BAR_WIDTH),
            f"{counts.ended} of {counts.total}",
            str(counts.failed + counts.failures),
            _in_words(seen.pace),
            f"{in_brussels(job.created_at):%Y-%m-%d %H:%M:%S}",
        )
    return table


def _plain_lines(title: str, total: int, console: Console) -> Advance:
    shown = 0

    def advance_to(done: int, pace: Pace | None) -> None:
        nonlocal shown
        step = done * PLAIN_STEPS // total if total else PLAIN_STEPS
        if step > shown:
            shown = step
            line = ", ".join(filter(None, (f"{title}: {done:,} of {total:,}", _in_words(pace))))
            console.print(line, highlight=False, soft_wrap=True)

    return advance_to


def _in_words(pace: Pace | None) -> str:
    if pace is None:
        return ""
    return f"{pace.items_per_second:.1f}/s, {round(pace.remaining.total_seconds())} s to go"
