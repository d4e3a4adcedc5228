"""Documents per second on one core: our renderers and other tools, on the same contents in one run.

Prints one JSON object per line; `--write` stores the run under benchmarks/results/. Time is
processor time, so that a peer that computes on several cores at once pays for all of them.
"""

import argparse
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
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
from benchmarks.peers.workbook_cells import workbook_cells
from benchmarks.recording import Report
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
    parser.add_argument("--write", action="store_true", help="store the run")
    arguments = parser.parse_args()
    rounds = arguments.rounds
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
    report = Report("documents")
    for kind, contestants in (("fiche", [*of_fiches, scattered]), ("overview", of_overviews)):
        faster = ratios(contestants)
        for peer in contestants:
            about = {"made_by": f"{peer.label} {release(peer.package)}".strip()}
            ratio = faster.get(peer.name, 1.0)
            report.show(f"{kind}_per_second", peer.rate, **about, bytes=peer.size, ratio=ratio)
    largest = max(of_fiches[0].largest, scattered.largest)
    report.show("fiche_largest_bytes", largest)
    report.show("fiche_peak_mib_growth", peak_growth(), fiches=MANY)
    students = {"students": PRINTED, "bytes_per_student": printed.size // PRINTED}
    report.show("print_file_students_per_second", printed.rate * PRINTED, **students)
    if arguments.write:
        report.write(rounds=rounds)


def release(package: str) -> str:
    """Return the version of an installed package, empty for our own engine."""
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""


def peak_growth() -> float:
    """Return the growth of peak memory over `MANY` fiches in MiB, in a separate process."""
    command = [sys.executable, "-m", "benchmarks.peers.memory", str(FULL), str(MANY)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def show(name: str, value: float, unit: str, **more: Any) -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": unit, **more}), flush=True)


if __name__ == "__main__":
    main()
