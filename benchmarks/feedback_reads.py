"""The rate at which school feedback is read, compared with a list of results in the same run.

Both are requested in turn over persistent connections, each request with a proof that was signed
beforehand. Servers, API and worker run in a temporary directory.
"""

import argparse
import asyncio
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import httpx
from sqlalchemy import text

from benchmarks.measuring import (
    ADMINISTRATION,
    cli,
    cpu_seconds,
    database_cpu_seconds,
    timed_import,
)
from benchmarks.recording import Report
from benchmarks.traffic import Connection, TokenClient, rate, require
from benchmarks.years import WITHOUT_LIMITS
from clients.python.proofs import ProofKey
from embedded.instance import Instance
from embedded.up import running
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import DeliveryPlan, generate_delivery

SCHOOLS, STUDENTS = 20, 20
CALLS, CONNECTIONS = 200, 4

_OPEN = text("""
    insert into release_windows (administration_id, product, opens_at, before_plans)
    select id, product, now() - interval '1 day', true
    from administrations cross join unnest(array['studentFeedback', 'schoolFeedback']) as product
""")
_CLASS_GROUP = text("""
    select student.school_id, class_group.name
    from students student join class_groups class_group on class_group.id = student.class_group_id
    group by 1, 2 order by abs(count(*) - :students), 1, 2 limit 1
""")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds, each of both reads")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("feedback_reads")
    os.environ.update(WITHOUT_LIMITS)
    plan = DeliveryPlan(SCHOOLS, 1, with_items=False, with_references=True)
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory:
        instance = Instance(Path(directory, "data"))
        generate_delivery(plan, Path(directory, "delivery"))
        with running(instance, workers=1):
            timed_import(instance, Path(directory, "delivery"))
            command = cli(instance, "compute", "--administration", ADMINISTRATION, "--follow")
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            asyncio.run(measure(report, instance, arguments.rounds))
    if arguments.write:
        report.write()


async def measure(report: Report, instance: Instance, rounds: int) -> None:
    """Report both rates and their ratio, as medians of rounds; the first round does not count."""
    client, paths = _prepare(instance)
    port = httpx.URL(instance.api_url or "").port or 0
    connection = await Connection.to(port)
    await client.learn_nonce(connection)
    for name, path in paths.items():
        size = len(require(await connection.send(client.request(path))).body)
        report.show("response_bytes", size, of=name)
    rates: dict[str, list[float]] = {name: [] for name in paths}
    used: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(1 + rounds):
        for name, path in paths.items():
            requests = [client.request(path) for _ in range(CALLS)]
            before = _processor_seconds(instance)
            measured = await rate([port], CONNECTIONS, iter(requests))
            spent = _processor_seconds(instance) - before
            rates[name] += [measured] if number else []
            used[name] += [1000 * spent / CALLS] if number else []
    for name, measured_rates in rates.items():
        report.show("requests_per_second", median(measured_rates), of=name, rounds=rounds)
        report.show("processor_ms", median(used[name]), of=name, rounds=rounds)
    ratios = [own / other for own, other in zip(*rates.values(), strict=True)]
    report.show("ratio", median(ratios), of="schoolFeedback", to="results", rounds=rounds)


def _processor_seconds(instance: Instance) -> float:
    """Return the processor time of the API and of PostgreSQL, which a busy machine alters less."""
    return cpu_seconds(instance)["api"] + database_cpu_seconds(instance)


def _prepare(instance: Instance) -> tuple[TokenClient, dict[str, str]]:
    """Open both products; return a client of a school, and the paths of its reads."""
    settings = instance.record().settings()
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        unit.session.execute(_OPEN)
        school_id, name = unit.session.execute(_CLASS_GROUP, {"students": STUDENTS}).one()
    caller = Caller("bench", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], school_id)
    key = ProofKey()
    token = TokenAuthority.of(settings).issue(caller, MAX_LIFETIME, key.thumbprint)
    of_year = urlencode({"administrationId": ADMINISTRATION})
    of_class = urlencode({"classGroup": name, "pageSize": 200})
    school = f"/v1/schools/{school_id}"
    return TokenClient(token, key, settings.public_url), {
        "schoolFeedback": f"{school}/feedback?{of_year}",
        "results": f"{school}/results?{of_year}&{of_class}",
    }


if __name__ == "__main__":
    main()
