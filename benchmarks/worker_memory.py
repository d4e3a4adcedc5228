"""Peak memory of a worker: by the size of a school, and over a build of many schools.

One worker builds everything, the smallest schools first. The kernel's peak is reset before each
measurement, so that a figure is the peak of that part and includes what the worker has cached.
"""

import argparse
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.measuring import client, peak_mib, reset_peaks, start_build, timed_import, wait_for
from benchmarks.recording import Report
from embedded.instance import Instance
from embedded.up import running
from synthetic.generate import DeliveryPlan, generate_delivery

SCHOOLS_IN_2024 = 3_853
BUILD_OF_ALL = "2024"
BUILDS_OF_A_SIZE = "2025"
STUDENTS_OF_A_SIZE = 400
"""So many students are built of each size, in one school or more."""

PARTS = 4
POLL_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.25, help="1 is the size of 2024")
    parser.add_argument(
        "--students",
        type=int,
        nargs="+",
        default=[25, 100, 400, 1_600],
        help="sizes of schools, ascending",
    )
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("worker_memory")
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        instance = Instance(Path(directory, "data"))
        with running(instance), client(instance, "--kind", "operator") as operator:
            report.show("started_mib", peak_mib(instance, "worker"))
            measure_build(report, instance, operator, arguments.scale)
            for students in sorted(arguments.students):
                measure_size(report, instance, operator, students)
    if arguments.write:
        report.write()


def measure_build(report: Report, instance: Instance, operator: httpx.Client, scale: float) -> None:
    """Build many schools of random sizes; report the peak of each part of the build."""
    schools = round(SCHOOLS_IN_2024 * scale)
    add_delivery(instance, DeliveryPlan(schools, seed=1, administration_id=BUILD_OF_ALL))
    job = start_build(operator, administrationId=BUILD_OF_ALL)
    peaks = []
    for number in range(1, PARTS + 1):
        reset_peaks(instance, "worker")
        wait_until_completed(operator, job, number / PARTS)
        peaks.append(peak_mib(instance, "worker"))
        report.show("peak_mib", peaks[-1], part=number, parts=PARTS, schools=schools)
    report.show("growth", peaks[-1] / peaks[0], schools=schools)


def measure_size(report: Report, instance: Instance, operator: httpx.Client, students: int) -> None:
    """Build schools of one size; report the peak."""
    schools = max(1, STUDENTS_OF_A_SIZE // students)
    administration = f"{BUILDS_OF_A_SIZE}-{students}"
    plan = DeliveryPlan(
        schools, seed=1, administration_id=administration, students_per_school=students
    )
    add_delivery(instance, plan)
    reset_peaks(instance, "worker")
    wait_for(operator, start_build(operator, administrationId=administration), POLL_SECONDS)
    report.show("peak_mib", peak_mib(instance, "worker"), students_of_a_school=students)


def add_delivery(instance: Instance, plan: DeliveryPlan) -> None:
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        generate_delivery(plan, Path(directory, "delivery"))
        timed_import(instance, Path(directory, "delivery"))


def wait_until_completed(operator: httpx.Client, job: str, share: float) -> None:
    """Wait until this share of the items of the job is complete."""
    while (response := operator.get(job)).status_code == httpx.codes.OK:
        read = response.json()
        if read["status"]["state"] == "failed":
            raise SystemExit(f"the build failed: {response.text}")
        if read["counts"]["done"] >= share * read["counts"]["total"]:
            return
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
