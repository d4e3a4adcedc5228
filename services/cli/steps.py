"""Says what is being done, step by step, and sums it up in a table."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass
class Steps:
    """What was done, in order, with what was counted and how long it took."""

    rows: list[tuple[str, str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        print(f"- {title}", flush=True)
        notes: list[str] = []
        began = time.monotonic()
        yield notes
        seconds = time.monotonic() - began
        self.rows.append((title, "; ".join(notes), seconds))
        for note in notes:
            print(f"    {note}", flush=True)

    def print_table(self) -> None:
        table = Table("step", "what came of it", "seconds", title="What was done")
        for title, note, seconds in self.rows:
            table.add_row(title, note, f"{seconds:.1f}")
        Console().print(table)
