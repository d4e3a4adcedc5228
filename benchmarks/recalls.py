"""The time of a recall for all schools of Flanders, and of a change of the plan, while others read.

A recall is over when it has its response: the next read has to be refused. Connections of other
schools read results meanwhile. The API and a worker run in a temporary directory.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import delete, select, text

from benchmarks.measuring import ADMINISTRATION, timed_import
from benchmarks.recording import Report
from benchmarks.refusals import WITHOUT_LIMITS, client_of
from benchmarks.traffic import Connection, Response, TokenClient, header, require
from embedded.instance import Instance
from embedded.up import running
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.releases.models import Recall
from synthetic.generate import DeliveryPlan, generate_delivery
from tests.many_schools import add_participants
from tests.releasing import add_persons

SCHOOLS_WITH_RESULTS = 20
RESULTS = "/v1/schools/{}/results"
RECALL = {"administrationId": ADMINISTRATION, "reason": "a fault"}
PLAN = f"/v1/releasePlans/{ADMINISTRATION}"
POLL_SECONDS = 0.05

_WINDOWS = text("""
    insert into release_windows (administration_id, product, opens_at, before_plans)
    select id, 'studentFeedback', now() - interval '1 day', true from administrations
""")
_SCHOOLS = text("select distinct school_id from results order by school_id")
_PENDING = text("select exists (select from pending_audit_events)")


@dataclass(slots=True)
class Times:
    """Seconds of each recall, each change of the plan, each other read, and until all chains."""

    recalls: list[float] = field(default_factory=list)
    plans: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    chains: list[float] = field(default_factory=list)
    read_after_recall: int = 0


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running instance, with a client of a person, and one of each school with results."""

    instance: Instance
    person: TokenClient
    schools: Sequence[tuple[str, TokenClient]]

    @property
    def port(self) -> int:
        return httpx.URL(self.instance.api_url or "").port or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recalls", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=4, help="connections of other schools")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("recalls")
    os.environ.update(WITHOUT_LIMITS)
    with (
        tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory,
        started(Path(directory)) as deployment,
    ):
        times = asyncio.run(measure(deployment, arguments.recalls, arguments.parallel))
    about = {"recalls": arguments.recalls, "parallel": arguments.parallel}
    for name in ("recalls", "plans", "reads"):
        seconds = getattr(times, name)
        report.show(f"{name}_ms", median(seconds) * 1000, median_of=len(seconds), **about)
        report.show(f"longest_of_{name}_ms", max(seconds) * 1000, **about)
    report.show("all_chains_seconds", median(times.chains), **about)
    report.show("reads_after_recall", times.read_after_recall, **about)
    if arguments.write:
        report.write()


async def measure(deployment: Deployment, recalls: int, parallel: int) -> Times:
    times, connection = Times(), await Connection.to(deployment.port)
    await deployment.person.learn_nonce(connection)
    for _, client in deployment.schools:
        await client.learn_nonce(connection)
    async with reading(deployment, parallel, times):
        for _ in range(recalls):
            await _recall(deployment, connection, times)
    connection.close()
    return times


async def _recall(deployment: Deployment, connection: Connection, times: Times) -> None:
    """Recall all products, read, and change the plan, which has the same windows again."""
    person, (school, client) = deployment.person, deployment.schools[0]
    path = RESULTS.format(school)
    if not _items(await connection.send(client.request(path))):
        raise SystemExit("nothing is released before the recall")
    response = await connection.send(person.post("/v1/recalls", RECALL))
    times.recalls.append(require(response, httpx.codes.CREATED).seconds)
    times.read_after_recall += len(_items(await connection.send(client.request(path))))
    times.chains.append(await asyncio.to_thread(_wait_and_reopen, deployment.instance))
    present = require(await connection.send(person.request(PLAN)), httpx.codes.OK)
    windows = [
        {name: one[name] for name in ("product", "opensAt")}
        for one in json.loads(present.body)["windows"]
    ]
    match = f"If-Match: {header(present.head, 'etag')}\r\n"
    response = await connection.send(person.put(PLAN, {"windows": windows}, match))
    times.plans.append(require(response, httpx.codes.OK).seconds)


def _items(response: Response) -> list[object]:
    items: list[object] = json.loads(require(response, httpx.codes.OK).body)["items"]
    return items


def _wait_and_reopen(instance: Instance) -> float:
    """Wait until every chain has the recall, and remove it; return the seconds of the wait."""
    began = time.perf_counter()
    with sessions_of(instance.record().settings()) as sessions:
        while _is_pending(sessions):
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - began
        with UnitOfWork(sessions) as unit:
            unit.session.execute(delete(Recall))
    return seconds


def _is_pending(sessions: Sessions) -> bool:
    with UnitOfWork(sessions) as unit:
        return bool(unit.session.scalar(_PENDING))


@asynccontextmanager
async def reading(deployment: Deployment, parallel: int, times: Times) -> AsyncIterator[None]:
    """Let connections of other schools read without a pause, until the block ends."""
    is_over = False

    async def drive(number: int) -> None:
        connection = await Connection.to(deployment.port)
        school, client = deployment.schools[1 + number % (len(deployment.schools) - 1)]
        while not is_over:
            response = await connection.send(client.request(RESULTS.format(school)))
            times.reads.append(require(response, httpx.codes.OK).seconds)
        connection.close()

    readers = [asyncio.create_task(drive(number)) for number in range(parallel)]
    try:
        yield
    finally:
        is_over = True
        await asyncio.gather(*readers)


@contextmanager
def started(directory: Path) -> Iterator[Deployment]:
    """Start an instance in which all schools of Flanders take part, some of them with results."""
    delivery, instance = directory / "delivery", Instance(directory / "data")
    plan = DeliveryPlan(schools=SCHOOLS_WITH_RESULTS, seed=1, with_items=False)
    generate_delivery(plan, delivery)
    with running(instance, workers=1):
        timed_import(instance, delivery)
        with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
            add_participants(unit.session, ADMINISTRATION)
            unit.session.execute(_WINDOWS)
            (person,) = add_persons(unit.session, "planner")
            client = str(unit.session.scalar(select(Client.id).where(Client.person_id == person)))
            schools = list(unit.session.scalars(_SCHOOLS))
            unit.session.execute(text("analyze"))
        scopes = frozenset(GRANTABLE[CallerKind.OPERATOR])
        operator = client_of(instance, Caller(client, CallerKind.OPERATOR, scopes))
        yield Deployment(instance, operator, [(one, _of_school(instance, one)) for one in schools])


def _of_school(instance: Instance, school: str) -> TokenClient:
    kind = CallerKind.SCHOOL
    return client_of(instance, Caller("bench", kind, GRANTABLE[kind], school))


if __name__ == "__main__":
    main()
