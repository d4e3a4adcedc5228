"""Documents per second on one core: our renderers and other tools, on the same contents in one run.

Prints one JSON object per line; `--write` stores the run under benchmarks/results/. Time is
processor time, so that a peer that computes on several cores at once pays for all of them.
"""

import argparse
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
from benchmarks.peers.comparison import Candidate, ratios
from benchmarks.peers.contents import (
    PRINT_FILE_STUDENTS,
    class_groups,
    fiches,
    fiches_in_random_order,
    overviews,
)
from benchmarks.peers.fiche_words import require_same_words
from benchmarks.peers.workbook_cells import workbook_cells
from benchmarks.recording import Report
from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.overview import render_overview
from tests.worker.hand_outs import print_file
from tests.worker.reference_renderer.fiche import draw_fiche
from tests.worker.reference_renderer.overview import draw_overview

ROUNDS = 5
FULL = 20_000  # fiches that fill the caches of our engine
MANY = 100_000


def our_fiches(name: str, label: str) -> Candidate:
    """Return our renderer of fiches, which computes the SHA-256 of its files itself."""
    renderer = FicheRenderer()
    return Candidate(
        name, label, "", lambda content: renderer.render(content).data, warm_up=FULL, hashes=True
    )


def our_print_files() -> Candidate:
    """Return our renderer of print files, layout of the fiches and of the list included."""
    renderer = FicheRenderer()
    return Candidate(
        "print",
        "print files",
        "",
        lambda group: print_file(renderer, group),
        warm_up=FULL // PRINT_FILE_STUDENTS,
    )


def fiche_candidates() -> list[Candidate]:
    candidates = [
        our_fiches("ours", "our engine"),
        Candidate("canvas", "ReportLab canvas (untagged)", "reportlab", draw_fiche),
        Candidate("platypus", "ReportLab platypus (untagged)", "reportlab", fiche_platypus.draw),
        Candidate("typst", "Typst, PDF/UA-1", "typst", fiche_typst.TypstFiche().draw),
    ]
    try:
        weasyprint = fiche_weasyprint.WeasyPrintFiche()
    except (ImportError, OSError):  # not installed, or without its libraries
        return candidates
    label = "WeasyPrint, PDF/UA-1"
    return [*candidates, Candidate("weasyprint", label, "weasyprint", weasyprint.draw)]


def overview_candidates() -> list[Candidate]:
    return [
        Candidate("ours", "our engine", "", render_overview),
        Candidate("openpyxl", "openpyxl", "openpyxl", draw_overview),
        Candidate(
            "openpyxl_write_only",
            "openpyxl, write-only",
            "openpyxl",
            workbook_write_only.write,
            workbook_cells,
        ),
        Candidate(
            "xlsxwriter", "XlsxWriter", "XlsxWriter", workbook_xlsxwriter.write, workbook_cells
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="store the run")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    fiche_peers, overview_peers = fiche_candidates(), overview_candidates()
    random_order = our_fiches("random_order", "our engine, students of random schools")
    print_files = our_print_files()
    require_same_words(next(fiches(0)), {peer.name: peer.make for peer in fiche_peers})
    groups: list[tuple[list[Candidate], Any]] = [
        (fiche_peers, fiches),
        ([random_order], fiches_in_random_order),
        ([print_files], class_groups),
        (overview_peers, overviews),
    ]
    for candidates, contents in groups:
        for candidate in candidates:
            candidate.run_warm_up(contents(0))
    for number in range(1, rounds + 1):
        for candidates, contents in groups:
            for candidate in candidates:
                candidate.run_round(contents(number))
    report = Report("documents")
    for kind, candidates in (("fiche", [*fiche_peers, random_order]), ("overview", overview_peers)):
        ratio_of = ratios(candidates)
        for peer in candidates:
            attributes = {"made_by": f"{peer.label} {release(peer.package)}".strip()}
            ratio = ratio_of.get(peer.name, 1.0)
            report.show(f"{kind}_per_second", peer.rate, **attributes, bytes=peer.size, ratio=ratio)
    largest = max(fiche_peers[0].largest, random_order.largest)
    report.show("fiche_largest_bytes", largest)
    report.show("fiche_peak_mib_growth", peak_growth(), fiches=MANY)
    students = {
        "students": PRINT_FILE_STUDENTS,
        "bytes_per_student": print_files.size // PRINT_FILE_STUDENTS,
    }
    report.show(
        "print_file_students_per_second", print_files.rate * PRINT_FILE_STUDENTS, **students
    )
    if arguments.write:
        report.write(rounds=rounds)


def release(package: str) -> str:
    """Return the version of an installed package; an empty string for our own engine."""
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""


def peak_growth() -> float:
    """Measure the growth of peak memory over `MANY` fiches in MiB, in a separate process."""
    command = [sys.executable, "-m", "benchmarks.peers.memory", str(FULL), str(MANY)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
