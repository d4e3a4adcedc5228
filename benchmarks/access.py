"""The cost of access control: token, DPoP proof, row policies and audit log.

The same list of results is requested from the API, from the API without its checks, from a bare
FastAPI that runs the same queries, and from one with the response in memory. The statements of such
a request are also sent by the database driver alone. Servers and APIs run in a temporary directory.
One more measurement: the number of audit entries after many concurrent reads.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from sqlalchemy import text

from benchmarks.access_targets import PROCESSES, Targets, scalars, start_targets
from benchmarks.measuring import cli
from benchmarks.peers import results_api
from benchmarks.recording import Report
from benchmarks.traffic import Connection, TokenClient, plain, rate, require

READERS, CONNECTIONS = 100, 8
SERIAL_CALLS, SERIAL_ROUNDS = 150, 6
PARALLEL_CALLS, PARALLEL_ROUNDS = 300, 9
WITHOUT_LIMITS = {
    "TOETSFEEDBACK_API_SCHOOL_REQUESTS_PER_MINUTE": "1000000",
    "TOETSFEEDBACK_API_BULK_ALARM_STUDENTS_PER_HOUR": "1000000",
}

_SCHOOLS = text("select id from schools order by id")
_AUDIT_ENTRIES = text("select count(*) from audit_events where action = 'listSchoolResults'")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="duration of concurrent reads")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("access")
    os.environ.update(WITHOUT_LIMITS)
    with (
        tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory,
        start_targets(Path(directory)) as targets,
    ):
        asyncio.run(measure_latency(report, targets))
        asyncio.run(measure_throughput(report, targets))
        measure_statements(report, targets)
        asyncio.run(measure_readers(report, targets, arguments.seconds))
        subprocess.run(cli(targets.instance, "audit", "verify"), check=True, stdout=sys.stderr)
    if arguments.write:
        report.write()


async def measure_latency(report: Report, targets: Targets) -> None:
    """Send one request at a time to each API in turn; report medians.

    The first round does not count: it fills caches and plans.
    """
    client = targets.client(targets.school_id)
    await client.learn_nonce(await Connection.to(targets.ports[0]))
    times: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(1 + SERIAL_ROUNDS):
        for name, seconds in (await time_each(targets, client)).items():
            times[name] += seconds if number else []
    medians = {name: median(seconds) * 1000 for name, seconds in times.items()}
    calls = SERIAL_ROUNDS * SERIAL_CALLS
    for name, milliseconds in medians.items():
        report.show(f"{name}_ms", milliseconds, median_of=calls)
    report.show("overhead_ms", medians["checked"] - medians["unchecked"], median_of=calls)
    report.show("rate_limits_ms", medians["unchecked"] - medians["unlimited"], median_of=calls)


async def time_each(targets: Targets, client: TokenClient) -> dict[str, list[float]]:
    """Return the seconds of each request per API; proofs are signed beforehand."""
    path = plain(targets.path)
    requests_of = {
        "checked": (targets.ports, [client.request(targets.path) for _ in range(SERIAL_CALLS)]),
        "unchecked": (targets.unchecked, [path] * SERIAL_CALLS),
        "unlimited": (targets.unlimited, [path] * SERIAL_CALLS),
        "bare": (targets.bare, [plain(results_api.PATH)] * SERIAL_CALLS),
    }
    connections = {name: await Connection.to(ports[0]) for name, (ports, _) in requests_of.items()}
    times: dict[str, list[float]] = {name: [] for name in requests_of}
    for number in range(SERIAL_CALLS):
        for name, (_, requests) in requests_of.items():
            response = require(await connections[name].send(requests[number]))
            times[name].append(response.seconds)
    for connection in connections.values():
        connection.close()
    return times


async def measure_throughput(report: Report, targets: Targets) -> None:
    """Send concurrent requests to each API in turn; proofs are signed beforehand."""
    client = targets.client(targets.school_id)
    await client.learn_nonce(await Connection.to(targets.ports[0]))
    ports_of = {
        "api": targets.ports,
        "unchecked": targets.unchecked,
        "bare": targets.bare,
        "from_memory": targets.from_memory,
    }
    rates: dict[str, list[float]] = {name: [] for name in ports_of}
    for _ in range(PARALLEL_ROUNDS):
        for name, ports in ports_of.items():
            path = targets.path if name == "unchecked" else results_api.PATH
            requests = [plain(path)] * PARALLEL_CALLS
            if name == "api":
                requests = [client.request(targets.path) for _ in requests]
            rates[name].append(await rate(ports, CONNECTIONS, iter(requests)))
    attributes = {
        "processes": PROCESSES,
        "connections": PROCESSES * CONNECTIONS,
        "rounds": PARALLEL_ROUNDS,
    }
    for name, measured in rates.items():
        report.show("requests_per_second", median(measured), of=name, **attributes)
    for share, ceiling in (("ceiling_share", "bare"), ("memory_share", "from_memory")):
        report.show(share, median(rates["api"]) / median(rates[ceiling]), of=ceiling, **attributes)


def measure_statements(report: Report, targets: Targets) -> None:
    """Send the statements of a request by the database driver alone, in as many processes."""
    variables = {
        results_api.SCHOOL: targets.school_id,
        results_api.CLASS_GROUP: targets.class_group,
    }
    environment = os.environ | targets.instance.record().environment_of("api") | variables
    module = "benchmarks.peers.results_statements"
    program = [sys.executable, "-m", module, str(PARALLEL_CALLS)]
    rates: list[float] = []
    for _ in range(PARALLEL_ROUNDS):
        running = [
            subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        rates.append(sum(float(process.communicate()[0]) for process in running))
    report.show(
        "requests_per_second",
        median(rates),
        of="statements",
        processes=PROCESSES,
        rounds=PARALLEL_ROUNDS,
    )


async def measure_readers(report: Report, targets: Targets, seconds: float) -> None:
    """Read as many schools at once; count the entries in the audit log."""
    schools = scalars(targets.instance, _SCHOOLS)
    clients = [targets.client(str(school)) for school in schools]
    connection = await Connection.to(targets.ports[0])
    for client in clients:
        await client.learn_nonce(connection)
    before, until = scalars(targets.instance, _AUDIT_ENTRIES)[0], time.monotonic() + seconds

    async def read(number: int) -> int:
        client, school_id = clients[number % len(clients)], schools[number % len(schools)]
        mine, done = await Connection.to(targets.ports[number % PROCESSES]), 0
        while time.monotonic() < until:
            path = f"/v1/schools/{school_id}/results?pageSize=60"
            require(await mine.send(client.request(path)))
            done += 1
        return done

    requests = sum(await asyncio.gather(*map(read, range(READERS))))
    report.show("readers_requests", requests, readers=READERS, seconds=seconds)
    entries = scalars(targets.instance, _AUDIT_ENTRIES)[0] - before
    report.show("readers_entries", entries, readers=READERS, seconds=seconds)


if __name__ == "__main__":
    main()
