"""Documents per second on one core: our engine beside its peers, on the same contents in one run.

Prints one JSON object a line and writes the section on documents in docs/performance.md. Time is
processor time, so that a peer that computes on several cores at once pays for all of them.
"""

import argparse
import json
import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from benchmarks.peers import (
    fiche_platypus,
    fiche_typst,
    fiche_weasyprint,
    workbook_write_only,
    workbook_xlsxwriter,
)
from benchmarks.peers.contents import STUDENTS, SUBJECTS, fiches, overviews
from benchmarks.peers.workbook_cells import workbook_cells
from services.worker.rendering.fiche import draw_fiche
from services.worker.rendering.overview import draw_overview
from services.worker.stamping.fiche import FicheStamper
from services.worker.stamping.workbook import OverviewStamper

ROUNDS = 7
TURN_SECONDS = 0.45
WARM_UP = 3  # documents before the first round, to load fonts and compile templates
MOST_A_TURN = 5000
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- begin documents -->", "<!-- end documents -->"
GIB = 1024**3


@dataclass
class Contestant:
    """One way to make a document; `prepare` is what is not counted."""

    name: str
    called: str
    package: str
    make: Callable[[Any], bytes]
    prepare: Callable[[Any], Any] = lambda content: content
    a_turn: int = 1
    rates: list[float] = field(default_factory=list)
    size: int = 0

    def warm_up(self, contents: Iterator[Any]) -> None:
        """Also finds out how many documents make a turn long enough to measure."""
        for content in islice(contents, WARM_UP):
            self.make(self.prepare(content))
        seconds = self._seconds([self.prepare(next(contents))])
        self.a_turn = max(2, min(MOST_A_TURN, round(TURN_SECONDS / max(seconds, 1e-4))))

    def take_turn(self, contents: Iterator[Any]) -> None:
        prepared = [self.prepare(content) for content in islice(contents, self.a_turn)]
        self.rates.append(len(prepared) / self._seconds(prepared))

    def _seconds(self, prepared: list[Any]) -> float:
        """For all of them, with the bytes in hand and hashed; their median size is kept."""
        sizes = []
        began = process_time()
        for content in prepared:
            made = self.make(content)
            sha256(made).digest()
            sizes.append(len(made))
        seconds = process_time() - began
        self.size = round(median(sizes))
        return seconds

    @property
    def rate(self) -> float:
        return median(self.rates)


def fiche_contestants() -> list[Contestant]:
    stamper = FicheStamper()
    found = [
        Contestant("ours", "our engine", "", lambda content: stamper.stamp(content).data),
        Contestant("canvas", "ReportLab canvas (untagged)", "reportlab", draw_fiche),
        Contestant("platypus", "ReportLab platypus (untagged)", "reportlab", fiche_platypus.draw),
        Contestant("typst", "Typst, PDF/UA-1", "typst", fiche_typst.TypstFiche().draw),
    ]
    try:
        weasyprint = fiche_weasyprint.WeasyPrintFiche()
    except (ImportError, OSError):  # not installed, or without the libraries it draws with
        return found
    called = "WeasyPrint, PDF/UA-1"
    return [*found, Contestant("weasyprint", called, "weasyprint", weasyprint.draw)]


def overview_contestants() -> list[Contestant]:
    return [
        Contestant("ours", "our engine", "", OverviewStamper().stamp),
        Contestant("openpyxl", "openpyxl", "openpyxl", draw_overview),
        Contestant(
            "openpyxl_write_only",
            "openpyxl, write-only",
            "openpyxl",
            workbook_write_only.write,
            workbook_cells,
        ),
        Contestant(
            "xlsxwriter", "XlsxWriter", "XlsxWriter", workbook_xlsxwriter.write, workbook_cells
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    fields = [(fiche_contestants(), fiches), (overview_contestants(), overviews)]
    for contestants, contents in fields:
        for contestant in contestants:
            contestant.warm_up(contents(0))
    for number in range(1, rounds + 1):
        for contestants, contents in fields:
            for contestant in contestants:
                contestant.take_turn(contents(number))
    (of_fiches, _), (of_overviews, _) = fields
    show("fiche.per_core", of_fiches[0].rate, "1/s", ratios(of_fiches))
    show("fiche.bytes", of_fiches[0].size, "B")
    show("overview.per_core", of_overviews[0].rate, "1/s", ratios(of_overviews))
    show("overview.bytes", of_overviews[0].size, "B")
    write_section(of_fiches, of_overviews, rounds)


def ratios(contestants: list[Contestant]) -> dict[str, float]:
    """How many times as fast we are as each peer; medians over rounds in which all took a turn."""
    ours, *peers = contestants
    return {
        peer.name: round(
            median(mine / theirs for mine, theirs in zip(ours.rates, peer.rates, strict=True)), 1
        )
        for peer in peers
    }


def show(name: str, value: float, unit: str, against: dict[str, float] | None = None) -> None:
    line: dict[str, Any] = {"name": name, "value": round(value, 1), "unit": unit}
    print(json.dumps(line | ({"ratios": against} if against else {})), flush=True)


def write_section(of_fiches: list[Contestant], of_overviews: list[Contestant], rounds: int) -> None:
    components = sum(len(names) for names in SUBJECTS.values())
    section = "\n".join(
        (
            BEGIN,
            "## Documents",
            "",
            f"`make bench PART=documents`, on {machine()}: medians of {rounds} rounds in which all"
            " take turns on the same contents, no two of which are equal. Processor time on one"
            " core, with the bytes in hand and hashed.",
            "",
            f"A fiche of one page with {components} components:",
            "",
            *table(of_fiches),
            "",
            f"An overview of {STUDENTS} students and {components} components. The write-only mode"
            " and XlsxWriter get the cells ready-made; the others find them from the content:",
            "",
            *table(of_overviews),
            END,
        )
    )
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Performance\n"
    earlier = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
    if earlier.search(page):
        page = earlier.sub(lambda _: section, page)
    else:
        page = f"{page.rstrip()}\n\n{section}\n"
    PAGE.write_text(page, encoding="utf-8")


def table(contestants: list[Contestant]) -> Iterator[str]:
    yield "| made by | per second | ours is | bytes |"
    yield "| --- | ---: | ---: | ---: |"
    faster = ratios(contestants)
    for contestant in contestants:
        times = f"{faster[contestant.name]:.1f} ×" if contestant.name in faster else ""
        called = f"{contestant.called} {release(contestant.package)}".strip()
        yield f"| {called} | {contestant.rate:,.0f} | {times} | {contestant.size:,} |"


def release(package: str) -> str:
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""


def machine() -> str:
    """In words: what kind, never which one."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return (
        f"one of the {cores} cores of {processor()} with {memory:.0f} GiB of memory,"
        f" {platform.system()}, Python {platform.python_version()}"
    )


def processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        named = re.search(r"model name\s*:\s*(.+)", listing.read_text(encoding="utf-8"))
        if named:
            return f"an {platform.machine()} machine ({named[1]})"
    return f"an {platform.machine()} machine"


if __name__ == "__main__":
    main()
