"""Documents per second on one core: our renderers and other tools, on the same contents in one run.

Prints one JSON object a line and writes the section on documents in docs/performance.md. Time is
processor time, so that a peer that computes on several cores at once pays for all of them.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from benchmarks.peers import (
    fiche_platypus,
    fiche_typst,
    fiche_weasyprint,
    workbook_write_only,
    workbook_xlsxwriter,
)
from benchmarks.peers.contents import PRINTED, classes, fiches, overviews, scattered_fiches
from benchmarks.peers.contest import Contestant, ratios
from benchmarks.peers.fiche_words import require_same_words
from benchmarks.peers.page import write_section
from benchmarks.peers.workbook_cells import workbook_cells
from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.overview import OverviewRenderer
from services.worker.documents.print_file import render_print_file
from tests.worker.reference_renderer.fiche import draw_fiche
from tests.worker.reference_renderer.overview import draw_overview

ROUNDS = 5
FULL = 20_000  # fiches after which the caches of our engine are full
MANY = 100_000


def our_fiches(name: str, label: str) -> Contestant:
    """Return a contestant that hashes its files, so that they are not hashed again."""
    renderer = FicheRenderer()
    return Contestant(
        name, label, "", lambda content: renderer.render(content).data, warm_up=FULL, hashes=True
    )


def our_print_files() -> Contestant:
    """Return a contestant that lays out and merges; a build lays out once, for the fiches too."""
    renderer = FicheRenderer()
    return Contestant(
        "print",
        "print files",
        "",
        lambda pupils: render_print_file(renderer, [renderer.lay_out(pupil) for pupil in pupils]),
        warm_up=FULL // PRINTED,
    )


def fiche_contestants() -> list[Contestant]:
    found = [
        our_fiches("ours", "our engine"),
        Contestant("canvas", "ReportLab canvas (untagged)", "reportlab", draw_fiche),
        Contestant("platypus", "ReportLab platypus (untagged)", "reportlab", fiche_platypus.draw),
        Contestant("typst", "Typst, PDF/UA-1", "typst", fiche_typst.TypstFiche().draw),
    ]
    try:
        weasyprint = fiche_weasyprint.WeasyPrintFiche()
    except (ImportError, OSError):  # not installed, or without its libraries
        return found
    label = "WeasyPrint, PDF/UA-1"
    return [*found, Contestant("weasyprint", label, "weasyprint", weasyprint.draw)]


def overview_contestants() -> list[Contestant]:
    return [
        Contestant("ours", "our engine", "", OverviewRenderer().render),
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
    of_fiches, of_overviews = fiche_contestants(), overview_contestants()
    scattered = our_fiches("random_order", "our engine, pupils of random schools")
    printed = our_print_files()
    require_same_words(next(fiches(0)), {peer.name: peer.make for peer in of_fiches})
    fields: list[tuple[list[Contestant], Any]] = [
        (of_fiches, fiches),
        ([scattered], scattered_fiches),
        ([printed], classes),
        (of_overviews, overviews),
    ]
    for contestants, contents in fields:
        for contestant in contestants:
            contestant.take_warm_up(contents(0))
    for number in range(1, rounds + 1):
        for contestants, contents in fields:
            for contestant in contestants:
                contestant.take_turn(contents(number))
    growth = peak_growth()
    ours, *_ = of_fiches
    show("fiche.per_core", ours.rate, "1/s", ratios=ratios(of_fiches))
    show("fiche.random_order_per_core", scattered.rate, "1/s")
    show("fiche.bytes", ours.size, "B", worst=max(ours.largest, scattered.largest))
    show("fiche.peak_mib_growth", growth, "MiB", fiches=MANY)
    show(
        "print.students_per_core", printed.rate * PRINTED, "1/s", bytes_each=printed.size // PRINTED
    )
    show("overview.per_core", of_overviews[0].rate, "1/s", ratios=ratios(of_overviews))
    show("overview.bytes", of_overviews[0].size, "B")
    write_section([*of_fiches, scattered], printed, of_overviews, rounds, f"{growth:.1f} MiB")


def peak_growth() -> float:
    """Return the growth of peak memory over `MANY` fiches in MiB, in a separate process."""
    command = [sys.executable, "-m", "benchmarks.peers.memory", str(FULL), str(MANY)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def show(name: str, value: float, unit: str, **more: Any) -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": unit, **more}), flush=True)


if __name__ == "__main__":
    main()
