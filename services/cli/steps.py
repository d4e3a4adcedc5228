"""Report of a sequence of steps: a line as each starts, a table at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class CompletedStep:
    """A step with its result and its duration in seconds."""

    title: str
    result: str
    seconds: float


@dataclass
class Steps:
    """The steps completed so far, in order."""

    completed: list[CompletedStep] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """Time a step; yield the list that takes its results."""
        print(f"- {title}", flush=True)
        notes: list[str] = []
        started_at = time.monotonic()
        yield notes
        seconds = time.monotonic() - started_at
        self.completed.append(CompletedStep(title, "; ".join(notes), seconds))
        for note in notes:
            print(f"    {note}", flush=True)

    def print_table(self) -> None:
        table = Table("step", "result", "seconds", title="Summary")
        for step in self.completed:
            table.add_row(step.title, step.result, f"{step.seconds:.1f}")
        Console().print(table)
