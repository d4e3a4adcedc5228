"""School feedback: compute the figures of all schools, and count which class rows stay visible.

Scale 1 is the size of 2024: 3,853 schools. Servers, API and workers run in a temporary directory.
"""

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.measuring import (
    ADMINISTRATION,
    cli,
    cpu_seconds,
    database_cpu_seconds,
    peak_mib,
    timed_import,
)
from benchmarks.recording import Report
from embedded.instance import Instance
from embedded.up import running
from services.cli.target import sessions_of
from shared.core.unit_of_work import UnitOfWork
from shared.school_feedback.batches import batches_of
from shared.school_feedback.fact_repository import components_of
from shared.school_feedback.repository import StoredVersion, versions_of
from shared.school_feedback.suppression import KNOWN, may_show
from shared.schools.repository import participating_between, participating_schools
from synthetic.generate import DeliveryPlan, generate_delivery

SCHOOLS_IN_2024 = 3_853
SIZES = ((0, "none"), (4, "1 to 4"), (9, "5 to 9"), (14, "10 to 14"), (10_000, "15 or more"))

Rows = Counter[tuple[str, str]]
"""The class rows by size and by the reason for hiding them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the size of 2024")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--small-classes", action="store_true", help="generate small class groups")
    parser.add_argument(
        "--documents", action="store_true", help="also build the reports and workbooks"
    )
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("school_feedback")
    plan = DeliveryPlan(
        schools=round(SCHOOLS_IN_2024 * arguments.scale),
        seed=1,
        with_items=False,
        small_classes=arguments.small_classes,
    )
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        instance = Instance(Path(directory, "data"))
        generate_delivery(plan, Path(directory, "delivery"))
        with running(instance, workers=arguments.workers):
            timed_import(instance, Path(directory, "delivery"))
            if arguments.documents:
                follow(instance, "build")  # all others, so that those of the figures are left
            for phase in ("first", "unchanged"):
                measure(report, instance, phase, plan.schools)
            if arguments.documents:
                seconds = follow(instance, "build")
                report.show("documents_seconds", seconds, schools=plan.schools)
            show_rows(report, count_rows(instance))
    if arguments.write:
        report.write(workers=arguments.workers)


def measure(report: Report, instance: Instance, phase: str, schools: int) -> None:
    """Compute all schools; report the time, processor time of both servers, and peak memory."""
    before = _processor_seconds(instance)
    seconds = follow(instance, "compute")
    used = {name: end - before[name] for name, end in _processor_seconds(instance).items()}
    report.show("compute_seconds", seconds, phase=phase, schools=schools)
    for name, processor_seconds in used.items():
        per_thousand = 1000 * processor_seconds / schools
        report.show("processor_seconds_per_1000_schools", per_thousand, of=name, phase=phase)
    report.show("peak_worker_mib", peak_mib(instance, "worker"), phase=phase)


def _processor_seconds(instance: Instance) -> dict[str, float]:
    workers = cpu_seconds(instance)["worker"]
    return {"workers": workers, "database": database_cpu_seconds(instance)}


def follow(instance: Instance, name: str) -> float:
    """Run a command for all schools; return the seconds until its job has ended."""
    began = time.monotonic()
    command = cli(instance, name, "--administration", ADMINISTRATION, "--follow")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def count_rows(instance: Instance) -> Rows:
    """Count the class rows of all schools by size and reason."""
    found: Rows = Counter()
    with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
        components = [one.id for one in components_of(unit.session, ADMINISTRATION)]
        for batch in batches_of(participating_schools(unit.session, ADMINISTRATION)):
            schools = participating_between(unit.session, ADMINISTRATION, *batch)
            stored = versions_of(unit.session, ADMINISTRATION, schools, components)
            for *_, latest in stored.values():
                if not latest.figures.is_calibration:
                    found.update(_rows_of(latest))
    return found


def show_rows(report: Report, rows: Rows) -> None:
    for (size, reason), number in sorted(rows.items()):
        report.show("class_rows", number, size=size, reason=reason)
    visible = sum(number for (_, reason), number in rows.items() if reason == "visible")
    report.show("visible_share", visible / rows.total())


def _rows_of(version: StoredVersion) -> Rows:
    published = version.published
    found: Rows = Counter()
    for class_group in published.table.class_groups:
        members = published.table.members.values()
        counts = Counter(one.level for one in members if one.class_group == class_group)
        size = next(name for largest, name in SIZES if counts.total() <= largest)
        found[size, _reason(version, class_group, counts)] += 1
    return found


def _reason(version: StoredVersion, class_group: str, counts: Counter[int]) -> str:
    if class_group in version.published.shown:
        return "visible"
    if not version.published.shows_school:
        return "school is hidden"
    if counts.total() < KNOWN.minimum:
        return "few students"
    return "sum of the hidden rows" if may_show(counts.values(), KNOWN) else "one level"


if __name__ == "__main__":
    main()
