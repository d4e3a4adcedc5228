"""Progress for people: a live bar on a terminal, a plain line now and then without one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_STEPS = 4


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many of `total` are done by now."""
    console = Console()
    if not console.is_terminal:
        yield _plain_lines(title, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


def _plain_lines(title: str, total: int) -> Callable[[int], None]:
    shown = 0

    def advance_to(done: int) -> None:
        nonlocal shown
        step = done * PLAIN_STEPS // total if total else PLAIN_STEPS
        if step > shown:
            shown = step
            print(f"{title}: {done:,} of {total:,}", flush=True)

    return advance_to
