"""Release night: import a delivery, build all documents through the queue, verify every byte.

Scale 1 is the size of 2024: 3,853 schools with about 132,500 students and 490,000 results. Servers,
API and workers run in a temporary directory. `--growth` compares a quarter of that size with twice
that size.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import text

from benchmarks.measuring import (
    client,
    cpu_seconds,
    peak_mib,
    start_build,
    timed_import,
    wait_for,
)
from benchmarks.recording import Report
from benchmarks.verification import verify
from embedded.instance import Instance
from embedded.up import running
from services.cli.target import sessions_of
from shared.core.unit_of_work import UnitOfWork
from synthetic.generate import DeliveryPlan, generate_delivery

SCHOOLS_IN_2024 = 3_853
POLL_SECONDS = 1.0
QUARTER, TWICE = 0.25, 2.0
SPEEDUP_SCALE = 0.1
REBUILDS = 10
REBUILT_STUDENTS = 50
REBUILD_POLL_SECONDS = 0.02
BETWEEN_REBUILDS_SECONDS = 0.5

_SCHOOL_OF_A_SIZE = text("""
    select school_id from students group by school_id
    order by abs(count(*) - :students), school_id limit 1
""")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the benchmark: the instance, the delivery, and the report."""

    instance: Instance
    delivery: Path
    rows: dict[str, int]
    report: Report
    size: dict[str, float]

    def show(self, name: str, value: float, **attributes: str | float) -> None:
        self.report.show(name, value, **self.size, **attributes)

    def import_delivery(self) -> float:
        """Import the delivery; return the duration in seconds."""
        before = cpu_seconds(self.instance)
        imported = timed_import(self.instance, self.delivery)
        self.show("import_seconds", imported.seconds)
        self.show("import_rows_per_second", sum(self.rows.values()) / imported.seconds)
        self.show("peak_import_mib", imported.peak_mib)
        self._show_cpu("import", before)
        self.show("cpu_seconds", imported.cpu_seconds, phase="import", process="importer")
        return imported.seconds

    def build(self, rebuilds: int = 0) -> float:
        """Build all documents, rebuild one school meanwhile; return the seconds of the build."""
        before = cpu_seconds(self.instance)
        with (
            client(self.instance, "--kind", "operator") as operator,
            ThreadPoolExecutor(1) as executor,
        ):
            began = time.monotonic()
            job = start_build(operator)
            rebuilt = executor.submit(rebuild_meanwhile, self.instance, operator, job, rebuilds)
            outcome = wait_for(operator, job, POLL_SECONDS)
            seconds = time.monotonic() - began
        self.show("build_seconds", seconds)
        self.show("fiches_per_second", outcome["fiches"] / seconds)
        self._show_cpu("build", before)
        if times := rebuilt.result():
            self.show("interactive_rebuild_seconds", median(times), median_of=len(times))
            self.show("interactive_rebuild_slowest_seconds", max(times))
        return seconds

    def verify(self) -> None:
        began = time.monotonic()
        verified = verify(self.instance.record().settings())
        self.show("verify_seconds", time.monotonic() - began)
        for kind, count in verified.documents.items():
            self.show("documents_verified", count, kind=kind)
        self.show("bytes_written", verified.object_bytes)

    def show_peaks(self) -> float:
        """Report the peaks of memory; return that of the largest worker, in MiB."""
        self.show("peak_api_mib", peak_mib(self.instance, "api"))
        peak = peak_mib(self.instance, "worker")
        self.show("peak_worker_mib", peak)
        return peak

    def _show_cpu(self, phase: str, before: dict[str, float]) -> None:
        for kind, seconds in cpu_seconds(self.instance).items():
            self.show("cpu_seconds", seconds - before[kind], phase=phase, process=kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the size of 2024")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--items", action="store_true", help="also deliver item results")
    parser.add_argument(
        "--growth", action="store_true", help="compare a quarter of the size with twice the size"
    )
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("release_night_growth" if arguments.growth else "release_night")
    if arguments.growth:
        measure_growth(report)
    else:
        measure_release_night(
            report, arguments.scale, workers=arguments.workers, with_items=arguments.items
        )
        measure_second_worker(report)
    if arguments.write:
        report.write()


def measure_release_night(report: Report, scale: float, *, workers: int, with_items: bool) -> None:
    with start_run(report, scale, workers=workers, with_items=with_items) as run:
        run.import_delivery()
        run.build(REBUILDS)
        run.verify()
        run.show_peaks()


def measure_growth(report: Report) -> None:
    """Compare the two sizes, without rebuilds: those would weigh more on the smaller size."""
    seconds: dict[float, float] = {}
    peaks: dict[float, float] = {}
    for scale in (QUARTER, TWICE):
        with start_run(report, scale) as run:
            took = run.import_delivery() + run.build()
            run.verify()
            peaks[scale] = run.show_peaks()
            seconds[scale] = took / run.rows["students.csv"]
    report.show("growth", seconds[TWICE] / seconds[QUARTER])
    report.show("peak_worker_growth", peaks[TWICE] / peaks[QUARTER])


def measure_second_worker(report: Report) -> None:
    seconds = {}
    for workers in (1, 2):
        with start_run(report, SPEEDUP_SCALE, workers=workers) as run:
            run.import_delivery()
            seconds[workers] = run.build()
    report.show("second_worker_speedup", seconds[1] / seconds[2])


@contextmanager
def start_run(
    report: Report, scale: float, *, workers: int = 2, with_items: bool = False
) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        delivery, instance = Path(directory, "delivery"), Instance(Path(directory, "data"))
        plan = DeliveryPlan(schools=round(SCHOOLS_IN_2024 * scale), seed=1, with_items=with_items)
        began = time.monotonic()
        rows = generate_delivery(plan, delivery)
        seconds = time.monotonic() - began
        size = {"scale": scale, "students": rows["students.csv"], "workers": workers}
        with running(instance, workers=workers):
            run = Run(instance, delivery, rows, report, size)
            run.show("generate_seconds", seconds)
            yield run


def rebuild_meanwhile(
    instance: Instance, operator: httpx.Client, job: str, rebuilds: int
) -> list[float]:
    """Rebuild one school repeatedly; return the seconds of each rebuild.

    Rebuilds that end after `job` do not count.
    """
    school_id = _school_to_rebuild(instance)
    seconds: list[float] = []
    for _ in range(rebuilds):
        time.sleep(BETWEEN_REBUILDS_SECONDS)
        began = time.monotonic()
        wait_for(operator, start_build(operator, schoolId=school_id), REBUILD_POLL_SECONDS)
        took = time.monotonic() - began
        if operator.get(job).status_code != httpx.codes.OK:
            break
        seconds.append(took)
    return seconds


def _school_to_rebuild(instance: Instance) -> str:
    settings = instance.record().settings()
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        query = _SCHOOL_OF_A_SIZE.bindparams(students=REBUILT_STUDENTS)
        return str(unit.session.scalars(query).one())


if __name__ == "__main__":
    main()
