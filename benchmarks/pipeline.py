"""Time and peak memory of an import and a build, at several numbers of schools.

Each run starts its own servers and workers in a temporary directory. The last figures compare the
peaks of the largest size with those of the smallest.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import client, peak_mib, start_build, timed_import, wait_for
from benchmarks.recording import Report
from embedded.instance import Instance
from embedded.up import running
from synthetic.generate import DeliveryPlan, generate_delivery

POLL_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schools", type=int, nargs="+", default=[40, 400])
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    report = Report("pipeline")
    peaks: dict[str, list[float]] = {"import": [], "worker": []}
    for schools in arguments.schools:
        with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
            figures = measure(Path(directory), schools, arguments.workers)
        peaks["import"].append(figures["import_peak_mib"])
        peaks["worker"].append(figures["worker_peak_mib"])
        for name, value in figures.items():
            report.show(name, value, schools=schools)
    for name, (first, *_, last) in peaks.items():
        report.show(f"{name}_peak_growth", last / first, schools=arguments.schools[-1])


def measure(directory: Path, schools: int, workers: int) -> dict[str, float]:
    delivery = directory / "delivery"
    rows = generate_delivery(DeliveryPlan(schools=schools, seed=1), delivery)
    instance = Instance(directory / "data")
    with running(instance, workers=workers), client(instance, "--kind", "operator") as operator:
        imported = timed_import(instance, delivery)
        began = time.monotonic()
        fiches = wait_for(operator, start_build(operator), POLL_SECONDS)["fiches"]
        seconds = time.monotonic() - began
        return {
            "import_seconds": imported.seconds,
            "import_rows_per_second": sum(rows.values()) / imported.seconds,
            "import_peak_mib": imported.peak_mib,
            "build_seconds": seconds,
            "fiches_per_second": fiches / seconds,
            "worker_peak_mib": peak_mib(instance, "worker"),
        }


if __name__ == "__main__":
    main()
