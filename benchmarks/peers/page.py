"""The section on documents in docs/performance.md."""

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.peers.contents import PRINTED, STUDENTS, SUBJECTS
from benchmarks.peers.contest import Contestant, ratios

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- begin documents -->", "<!-- end documents -->"
GIB = 1024**3

_HOW = """\
`make bench PART=documents`, on {machine}: medians of {rounds} rounds in which all take turns on the
same contents, no two of which are equal. Processor time on one core, with the bytes in hand and
hashed. Before the rounds each has loaded its fonts, and our engine has filled its caches. Each
peer's page has the same words as ours. Ratios hold on other machines; rates do not."""
_PRINTED = """\
A print file of {pupils} pupils, laying out included: {rate:,.0f} pupils a second; {size:,} bytes
each."""
_WORKBOOK = """\
An overview of {students} students and {components} components. The write-only mode and XlsxWriter
get the cells ready-made; the others find them from the content:"""


def write_section(
    of_fiches: list[Contestant],
    printed: Contestant,
    of_overviews: list[Contestant],
    rounds: int,
    growth: str,
) -> None:
    components = sum(len(names) for names in SUBJECTS.values())
    section = "\n".join(
        (
            BEGIN,
            "## Documents",
            "",
            _HOW.format(machine=machine(), rounds=rounds),
            "",
            f"A fiche of one page with {components} components, class after class:",
            "",
            *table(of_fiches),
            "",
            f"Over 100,000 fiches the most memory that the engine needs grows by {growth}.",
            "",
            _PRINTED.format(
                pupils=PRINTED,
                rate=printed.rate * PRINTED,
                size=printed.size // PRINTED,
            ),
            "",
            _WORKBOOK.format(students=STUDENTS, components=components),
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
        times = (
            f"{faster[contestant.name]:.1f} \N{MULTIPLICATION SIGN}"
            if contestant.name in faster
            else ""
        )
        label = f"{contestant.label} {release(contestant.package)}".strip()
        yield f"| {label} | {contestant.rate:,.0f} | {times} | {contestant.size:,} |"


def release(package: str) -> str:
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""


def machine() -> str:
    """Return a description of the kind of machine, without its name."""
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
