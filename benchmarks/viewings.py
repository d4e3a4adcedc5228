"""The rate of registrations for test viewing: twice as many attempts as there are places.

Students of many schools each try one slot at random, over persistent connections to two processes
of the API. Those run in a temporary directory, and share the machine with their clients and with a
worker, which makes the confirmations. The peer is a transaction that only counts a place.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import UUID

import httpx
from sqlalchemy import text

from benchmarks.measuring import cpu_seconds, timed_import
from benchmarks.peers.bookings import rate_of_bookings
from benchmarks.recording import Report
from benchmarks.refusals import WITHOUT_LIMITS, client_of
from benchmarks.traffic import Connection, header
from embedded.instance import Instance
from embedded.ports import choose_port
from embedded.programs import Program, is_healthy, toetsfeedback_command
from embedded.running_instance import DATABASE_URL
from embedded.up import running
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.unit_of_work import UnitOfWork
from synthetic.generate import DeliveryPlan, generate_delivery

PATH = "/v1/viewings/registrations"
SLOTS = 50
STUDENTS_PER_SCHOOL = 25
"""Fewer than a school of a delivery has with results."""

_PREPARE = (
    """insert into release_windows (administration_id, product, opens_at, before_plans)
    select id, product, now() - interval '1 day', true
    from administrations, unnest(array['studentFeedback', 'testViewing']) product""",
    "insert into viewing_settings (administration_id) select id from administrations",
    "insert into viewing_locations (name, address, sort_key) values ('Hal', 'Brussel', 'hal')",
    """insert into viewing_slots (administration_id, location_id, day, starts_at, ends_at, capacity)
    select administration_id, viewing_locations.id, day,
           (day + interval '10 hours') at time zone 'UTC',
           (day + interval '11 hours') at time zone 'UTC', :capacity
    from viewing_settings, viewing_locations, generate_series(10, 9 + :slots) n,
         lateral (select (now() + n * interval '1 day')::date as day) slot""",
)
_STUDENTS = """
select distinct items.student_id, items.school_id from item_results items
join components on components.id = items.component_id and not components.is_calibration
join results on results.student_id = items.student_id
    and results.component_id = items.component_id and results.status = 'reported'
order by items.student_id limit :wanted
"""
_COUNTS = "select (select count(*) from viewing_registrations), sum(taken)::int from viewing_slots"


class Attempt(NamedTuple):
    """A student of a school."""

    student_id: UUID
    school_id: str


@dataclass(frozen=True, slots=True)
class Run:
    """The outcomes of all attempts, and what they took.

    `processor_seconds` are by kind of process. `stored` and `taken` are the registrations that the
    database has afterwards, as rows and as counted places.
    """

    outcomes: Counter[str]
    seconds: float
    longest_seconds: float
    processor_seconds: dict[str, float]
    stored: int
    taken: int
    bookkeeping_rate: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--parallel", type=int, default=16, help="connections that send at a time")
    parser.add_argument(
        "--write", action="store_true", help="store the run under benchmarks/results/"
    )
    arguments = parser.parse_args()
    report = Report("viewings")
    os.environ.update(WITHOUT_LIMITS)
    with (
        tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory,
        started(Path(directory), arguments.attempts) as (instance, ports),
    ):
        run = measure(instance, ports, arguments.attempts, arguments.parallel)
    show(report, run, arguments.attempts, parallel=arguments.parallel, apis=len(ports))
    if arguments.write:
        report.write()


def measure(instance: Instance, ports: Sequence[int], wanted: int, parallel: int) -> Run:
    attempts, slots = _rows(instance, wanted)
    before, own = cpu_seconds(instance), time.process_time()
    began = time.perf_counter()
    outcomes, longest = asyncio.run(_register(instance, ports, attempts, slots, parallel))
    seconds = time.perf_counter() - began
    used = {kind: after - before[kind] for kind, after in cpu_seconds(instance).items()}
    used["client"] = time.process_time() - own
    with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
        stored, taken = unit.session.execute(text(_COUNTS)).one()
    url, capacity = instance.environment[DATABASE_URL], _places(wanted) // SLOTS
    peer = asyncio.run(rate_of_bookings(url, wanted, SLOTS, capacity, parallel))
    return Run(outcomes, seconds, longest, used, stored, taken, peer)


def show(report: Report, run: Run, attempts: int, **settings: int) -> None:
    about = {"attempts": attempts, "places": _places(attempts), **settings}
    rate, made, refused = attempts / run.seconds, run.outcomes["201"], run.outcomes["slotFull"]
    report.show("attempts_per_second", rate, of="service", **about)
    report.show("attempts_per_second", run.bookkeeping_rate, of="bookkeeping", **about)
    report.show("bookkeeping_ratio", rate / run.bookkeeping_rate, **about)
    report.show("seconds", run.seconds, **about)
    report.show("longest_seconds", run.longest_seconds, **about)
    for kind, processor in run.processor_seconds.items():
        report.show("processor_ms", 1000 * processor / attempts, of=kind, **about)
    report.show("made", made, **about)
    report.show("refused", refused, **about)
    lost = attempts - refused - min(made, run.stored)
    report.show("lost", lost, responses=dict(run.outcomes), **about)
    report.show("overbooked", max(0, max(run.stored, run.taken) - _places(attempts)), **about)


def _places(attempts: int) -> int:
    return attempts // 2


async def _register(
    instance: Instance,
    ports: Sequence[int],
    attempts: Sequence[Attempt],
    slots: Sequence[UUID],
    parallel: int,
) -> tuple[Counter[str], float]:
    """Let each student try one slot; return the outcomes, and the longest time of a response."""
    kind = CallerKind.SCHOOL
    schools = {attempt.school_id for attempt in attempts}
    clients = {
        school: client_of(instance, Caller("bench", kind, GRANTABLE[kind], school))
        for school in schools
    }
    random = Random(1)  # noqa: S311  # an order to measure in, no secret
    queue = iter(random.sample(attempts, len(attempts)))
    outcomes, longest = Counter[str](), 0.0
    nonce: str | None = None

    async def drive(connection: Connection) -> None:
        nonlocal longest, nonce
        for attempt in queue:
            client, slot = clients[attempt.school_id], random.choice(slots)
            client.key.nonce = nonce
            wanted = {"studentId": str(attempt.student_id), "slotId": str(slot)}
            response = await connection.send(client.post(PATH, wanted))
            nonce = header(response.head, "dpop-nonce") or nonce
            longest = max(longest, response.seconds)
            body = json.loads(response.body)
            is_made = response.status == httpx.codes.CREATED
            outcomes["201" if is_made else body["type"].rpartition(":")[2]] += 1
        connection.close()

    connections = [await Connection.to(ports[n % len(ports)]) for n in range(parallel)]
    first = clients[attempts[0].school_id]
    await first.learn_nonce(connections[0])
    nonce = first.key.nonce  # the same for all clients, for some minutes
    await asyncio.gather(*map(drive, connections))
    return outcomes, longest


def _rows(instance: Instance, wanted: int) -> tuple[list[Attempt], Sequence[UUID]]:
    with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
        students = unit.session.execute(text(_STUDENTS), {"wanted": wanted})
        attempts = [Attempt._make(row) for row in students]
        slots = unit.session.scalars(text("select id from viewing_slots order by id")).all()
    if len(attempts) < wanted:
        raise SystemExit(f"the delivery has only {len(attempts)} students with items")
    return attempts, slots


@contextmanager
def started(directory: Path, attempts: int) -> Iterator[tuple[Instance, Sequence[int]]]:
    """Start an instance with students to register, and slots with places for half of them.

    It has two processes of the API; yield it with their ports.
    """
    delivery, instance = directory / "delivery", Instance(directory / "data")
    schools = max(1, attempts // STUDENTS_PER_SCHOOL)
    generate_delivery(DeliveryPlan(schools=schools, seed=1, with_items=True), delivery)
    with running(instance, workers=1):
        timed_import(instance, delivery)
        values = {"capacity": _places(attempts) // SLOTS, "slots": SLOTS}
        with sessions_of(instance.record().settings()) as sessions, UnitOfWork(sessions) as unit:
            for statement in _PREPARE:
                unit.session.execute(text(statement), values)
            unit.session.execute(text("analyze"))
        first, second = httpx.URL(instance.api_url or "").port or 0, choose_port()
        instance.supervisor.start(_api(instance, second))
        yield instance, (first, second)


def _api(instance: Instance, port: int) -> Program:
    return Program(
        "api-2",
        instance.data.log("api-2"),
        toetsfeedback_command("api", "--port", str(port)),
        instance.environment_of("api"),
        lambda: is_healthy(port),
    )


if __name__ == "__main__":
    main()
