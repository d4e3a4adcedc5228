"""Figures of a benchmark: print each as a JSON object, store a run under benchmarks/results/."""

import json
import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run."""

    benchmark: str
    figures: list[dict[str, Any]] = field(default_factory=list)

    def show(self, name: str, value: float, **attributes: Any) -> None:
        """Print a figure and keep it for `write`."""
        figure = {"name": f"{self.benchmark}.{name}", "value": round(value, 3), **attributes}
        print(json.dumps(figure), flush=True)
        self.figures.append(figure)

    def write(self, **attributes: Any) -> None:
        """Store the run as JSON Lines: benchmark, date and machine first, then the figures."""
        now = datetime.now(UTC)
        header = {"benchmark": self.benchmark, "date": f"{now:%Y-%m-%d}", "machine": machine()}
        lines = [json.dumps(line) for line in (header | attributes, *self.figures)]
        RESULTS.mkdir(exist_ok=True)
        target = RESULTS / f"{now:%Y-%m-%d}-{self.benchmark.replace('_', '-')}.jsonl"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def machine() -> dict[str, str | int]:
    """Describe the kind of machine, without anything that identifies it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return {
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def processor() -> str:
    listing = Path("/proc/cpuinfo")
    if not listing.exists():
        return platform.processor()
    model = re.search(r"model name\s*:\s*(.+)", listing.read_text(encoding="utf-8"))
    return model[1] if model else platform.processor()
