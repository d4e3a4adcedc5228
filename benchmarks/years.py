"""The time of reads after years: with one built administration, and with several.

Two instances run at the same time. One has a single administration, the other gets more of them in
steps, each imported, built and released. After each step the same requests are sent to both in
turn, so that other programs on the machine delay both alike. A ratio is one of medians, of the
duration and of the CPU time of PostgreSQL.
"""

import argparse
import asyncio
import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

import httpx
import psycopg

from benchmarks.measuring import (
    ADMINISTRATION,
    build_and_release,
    database_cpu_seconds,
    timed_import,
)
from benchmarks.recording import Report
from benchmarks.traffic import Connection, require
from benchmarks.years_reads import Reads, add_audit_events, prepare_reads, scalars
from embedded.instance import Instance
from embedded.up import running
from synthetic.generate import DeliveryPlan, generate_delivery

SCHOOLS_IN_2024 = 3_853
WARM_UP_CALLS = 15
"""Requests after which the plan of a prepared statement does not change."""

WITHOUT_LIMITS = {
    f"TOETSFEEDBACK_API_{limit}": "1000000"
    for limit in (
        "SCHOOL_REQUESTS_PER_MINUTE",
        "CLIENT_REQUESTS_PER_MINUTE",
        "ADDRESS_REQUESTS_PER_MINUTE",
        "BULK_ALARM_STUDENTS_PER_HOUR",
    )
}


@dataclass(frozen=True, slots=True)
class Timing:
    """The duration of a request, and the CPU time of PostgreSQL meanwhile.

    The latter differs little on a machine that other programs use.
    """

    seconds: float
    database_cpu_seconds: float


Timings = dict[tuple[str, str], list[Timing]]
"""By the kind of read and its caller."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.25, help="1 is the size of 2024")
    parser.add_argument("--years", type=int, nargs="+", default=[3, 10], help="administrations")
    parser.add_argument("--calls", type=int, default=60, help="timed requests of each kind")
    parser.add_argument("--data", type=Path, help="directory of both instances, which stays")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("years")
    os.environ.update(WITHOUT_LIMITS)
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        data = arguments.data or Path(directory)
        single, several = (Instance(data / name) for name in ("single", "several"))
        with running(single), running(several, workers=2):
            measure_years(report, single, several, arguments)
    if arguments.write:
        report.write()


def measure_years(
    report: Report, single: Instance, several: Instance, arguments: argparse.Namespace
) -> None:
    """Compare the instances after each step of administrations."""
    schools = round(SCHOOLS_IN_2024 * arguments.scale)
    add_administrations(single, 1, schools)
    for years in sorted(arguments.years):
        add_administrations(several, years, schools)
        reads_of = {instance: prepare_reads(instance) for instance in (single, several)}
        timings = asyncio.run(time_reads(reads_of, arguments.calls))
        show(report, timings[single], timings[several], scale=arguments.scale, years=years)


def show(report: Report, single: Timings, several: Timings, **about: float) -> None:
    """Report the medians of each read in both instances, their ratios and the largest ratios."""
    for figure in ("seconds", "database_cpu_seconds"):
        ratios = []
        unit = figure.replace("seconds", "ms")
        for (name, caller), own in single.items():
            medians = [
                median(getattr(one, figure) for one in timings)
                for timings in (own, several[name, caller])
            ]
            ratios.append(medians[1] / medians[0])
            attributes = {"of": name, "caller": caller, "median_of": len(own), **about}
            report.show(f"single_{unit}", medians[0] * 1000, **attributes)
            report.show(f"several_{unit}", medians[1] * 1000, **attributes)
            report.show(f"ratio_of_{unit}", ratios[-1], **attributes)
        report.show(f"largest_ratio_of_{unit}", max(ratios), **about)


async def time_reads(reads_of: Mapping[Instance, Reads], calls: int) -> dict[Instance, Timings]:
    """Send each request to the instances in turn, in a random order; return its timings.

    Before each, the nonce is learned again, so that no refusal of an older one is timed.
    """
    random = Random(1)  # noqa: S311  # an order to measure in, no secret
    connections = {
        instance: await Connection.to(httpx.URL(instance.api_url or "").port or 0)
        for instance in reads_of
    }
    timings: dict[Instance, Timings] = {instance: defaultdict(list) for instance in reads_of}
    for number in range(WARM_UP_CALLS + calls):
        for name, kind in next(iter(reads_of.values())).paths:
            for instance in random.sample(list(reads_of), len(reads_of)):
                reads, connection = reads_of[instance], connections[instance]
                caller = reads.clients[kind]
                await caller.learn_nonce(connection)
                request = caller.request(reads.paths[name, kind])
                before = database_cpu_seconds(instance)
                response = require(await connection.send(request))
                cpu = database_cpu_seconds(instance) - before
                if number >= WARM_UP_CALLS:
                    timings[instance][name, kind].append(Timing(response.seconds, cpu))
    for connection in connections.values():
        connection.close()
    return timings


def add_administrations(instance: Instance, years: int, schools: int) -> None:
    """Add administrations up to this number, then rest as after what autovacuum does."""
    existing = set(scalars(instance, "select id from administrations"))
    wanted = [str(int(ADMINISTRATION) + number) for number in range(years)]
    for administration in wanted:
        if administration not in existing:
            add_administration(instance, administration, schools)
            add_audit_events(instance)
    with psycopg.connect(
        instance.record().settings().database_url.get_secret_value(), autocommit=True
    ) as owner:
        owner.execute("vacuum analyze")


def add_administration(instance: Instance, administration: str, schools: int) -> None:
    """Import, build and release an administration of the same schools with other students."""
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        plan = DeliveryPlan(schools=schools, seed=1, administration_id=administration)
        generate_delivery(plan, Path(directory, "delivery"))
        timed_import(instance, Path(directory, "delivery"))
    build_and_release(instance, administration)


if __name__ == "__main__":
    main()
