"""What token, proof, policy and trail cost: time of a request, requests a second, and no trace.

Prints one JSON object a line. Servers and APIs are real, start in a throw-away directory and are
gone at the end. The same list of results is asked from the API, from the API without
its checks, from a bare FastAPI that makes the same queries, and from one that has the answer in
memory; and the statements of such a request are sent to PostgreSQL by its driver alone.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from sqlalchemy import text

from benchmarks.measuring import ADMINISTRATION, Report, cli, timed_import
from benchmarks.peers import results_api
from benchmarks.traffic import Answer, Connection, Holder, plain, rate
from embedded.instance import Instance
from embedded.ports import choose_port, is_listening
from embedded.programs import toetsfeedback_command
from embedded.up import running
from services.cli.signing import ProofKey
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import transaction
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import DeliveryPlan, generate_delivery

STUDENTS, SCHOOLS, READERS, PROCESSES, CONNECTIONS = 30, 10, 100, 2, 8
CALLS_ALONE, ROUNDS_ALONE, CALLS_A_ROUND, ROUNDS, CALLS_NOT_THERE = 150, 6, 300, 9, 2_000
WITHOUT_LIMITS = {
    "TOETSFEEDBACK_API_SCHOOL_REQUESTS_PER_MINUTE": "1000000",
    "TOETSFEEDBACK_API_BULK_ALARM_READS_PER_HOUR": "1000000",
}

_CLASS_GROUP = text("""
    select student.school_id, class_group.name
    from students student join class_groups class_group on class_group.id = student.class_group_id
    group by 1, 2 order by abs(count(*) - :students), 1, 2 limit 1
""")
_STRANGER = text("select id from students where school_id <> :school order by id limit 1")
_SCHOOLS = text("select id from schools order by id")
_DECISIONS = text("select count(*) from audit_events where action = 'listSchoolResults'")


@dataclass(frozen=True, slots=True)
class Scene:
    """The APIs that are asked, and what they are asked for."""

    instance: Instance
    ports: tuple[int, ...]
    unchecked: tuple[int, ...]
    unbraked: tuple[int, ...]
    bare: tuple[int, ...]
    from_memory: tuple[int, ...]
    school_id: str
    class_group: str

    @property
    def path(self) -> str:
        class_group = quote(self.class_group)
        return f"/v1/schools/{self.school_id}/results?pageSize=200&classGroup={class_group}"

    def holder(self, school_id: str) -> Holder:
        settings = self.instance.record().settings()
        caller = Caller("bench", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], school_id)
        key = ProofKey()
        token = TokenAuthority.of(settings).issue(caller, MAX_LIFETIME, key.thumbprint)
        return Holder(token, key, settings.public_url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long readers read")
    parser.add_argument("--write", action="store_true", help="put the figures in the document")
    arguments = parser.parse_args()
    report = Report("access")
    os.environ.update(WITHOUT_LIMITS)
    with (
        tempfile.TemporaryDirectory(prefix="toetsfeedback-bench-") as directory,
        scene_in(Path(directory)) as scene,
    ):
        asyncio.run(measure_alone(report, scene))
        asyncio.run(measure_together(report, scene))
        measure_statements(report, scene)
        asyncio.run(measure_not_there(report, scene))
        asyncio.run(measure_readers(report, scene, arguments.seconds))
        subprocess.run(cli(scene.instance, "audit", "verify"), check=True, stdout=sys.stderr)
    if arguments.write:
        report.write("Access")


async def measure_alone(report: Report, scene: Scene) -> None:
    """One request at a time, to each in turn, by rounds.

    The first round is not counted: caches and plans are made in it.
    """
    holder = scene.holder(scene.school_id)
    await holder.learn_nonce(await Connection.to(scene.ports[0]))
    times: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(1 + ROUNDS_ALONE):
        for name, seconds in (await in_turn(scene, holder)).items():
            times[name] += seconds if number else []
    medians = {name: median(seconds) * 1000 for name, seconds in times.items()}
    calls = ROUNDS_ALONE * CALLS_ALONE
    for name, milliseconds in medians.items():
        report.show(f"{name}_ms", milliseconds, median_of=calls)
    report.show("overhead_ms", medians["checked"] - medians["unchecked"], median_of=calls)
    report.show("brakes_ms", medians["unchecked"] - medians["unbraked"], median_of=calls)


async def in_turn(scene: Scene, holder: Holder) -> dict[str, list[float]]:
    """Seconds that requests take of each; proofs are signed before."""
    path = plain(scene.path)
    asked = {
        "checked": (scene.ports, [holder.request(scene.path) for _ in range(CALLS_ALONE)]),
        "unchecked": (scene.unchecked, [path] * CALLS_ALONE),
        "unbraked": (scene.unbraked, [path] * CALLS_ALONE),
        "bare": (scene.bare, [plain(results_api.PATH)] * CALLS_ALONE),
    }
    connections = {name: await Connection.to(ports[0]) for name, (ports, _) in asked.items()}
    times: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(CALLS_ALONE):
        for name, (_, requests) in asked.items():
            answer = required(await connections[name].ask(requests[number]))
            times[name].append(answer.seconds)
    for connection in connections.values():
        connection.close()
    return times


async def measure_together(report: Report, scene: Scene) -> None:
    """In turns, by rounds; proofs are signed before, for the client's work is not measured."""
    holder = scene.holder(scene.school_id)
    await holder.learn_nonce(await Connection.to(scene.ports[0]))
    asked = {
        "api": scene.ports,
        "unchecked": scene.unchecked,
        "bare": scene.bare,
        "from_memory": scene.from_memory,
    }
    rates: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, ports in asked.items():
            path = scene.path if name == "unchecked" else results_api.PATH
            requests = [plain(path)] * CALLS_A_ROUND
            if name == "api":
                requests = [holder.request(scene.path) for _ in requests]
            rates[name].append(await rate(ports, CONNECTIONS, iter(requests)))
    about = {"processes": PROCESSES, "connections": PROCESSES * CONNECTIONS, "rounds": ROUNDS}
    for name, found in rates.items():
        report.show("requests_per_second", median(found), of=name, **about)
    for share, ceiling in (("ceiling_share", "bare"), ("memory_share", "from_memory")):
        report.show(share, median(rates["api"]) / median(rates[ceiling]), of=ceiling, **about)


def measure_statements(report: Report, scene: Scene) -> None:
    """What PostgreSQL and its driver alone make of a request's statements, in as many processes."""
    about = {results_api.SCHOOL: scene.school_id, results_api.CLASS_GROUP: scene.class_group}
    environment = os.environ | scene.instance.record().environment_of("api") | about
    module = "benchmarks.peers.results_statements"
    program = [sys.executable, "-m", module, str(CALLS_A_ROUND)]
    rates: list[float] = []
    for _ in range(ROUNDS):
        running = [
            subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        rates.append(sum(float(process.communicate()[0]) for process in running))
    report.show(
        "requests_per_second", median(rates), of="statements", processes=PROCESSES, rounds=ROUNDS
    )


async def measure_not_there(report: Report, scene: Scene) -> None:
    """A student of another school and one that does not exist, in turn."""
    holder = scene.holder(scene.school_id)
    connection = await Connection.to(scene.ports[0])
    await holder.learn_nonce(connection)
    stranger = scalars(scene.instance, _STRANGER.bindparams(school=scene.school_id))[0]
    times: dict[str, list[float]] = {"not_mine": [], "not_there": []}
    bodies: set[bytes] = set()
    for _ in range(CALLS_NOT_THERE):
        for name, student in (("not_mine", stranger), ("not_there", uuid4())):
            answer = await connection.ask(holder.request(f"/v1/students/{student}"))
            required(answer, httpx.codes.NOT_FOUND)
            times[name].append(answer.seconds)
            bodies.add(without_trace(answer))
    medians = {name: median(seconds) for name, seconds in times.items()}
    for name, seconds in medians.items():
        report.show(f"{name}_ms", seconds * 1000, median_of=CALLS_NOT_THERE)
    report.show("not_there_ratio", medians["not_mine"] / medians["not_there"])
    report.show("not_there_answers", len(bodies), of=2 * CALLS_NOT_THERE)


def without_trace(answer: Answer) -> bytes:
    """All bytes but those that are new in every answer: its trace id, the time, a nonce."""
    lines = answer.head.lower().split(b"\r\n")
    trace = next(line for line in lines if line.startswith(b"belgov-trace-id")).split()[1]
    varying = (b"belgov-trace-id", b"date", b"dpop-nonce", b"ratelimit:")
    kept = [line for line in lines if not line.startswith(varying)]
    return b"\r\n".join(kept) + answer.body.replace(trace, b"")


async def measure_readers(report: Report, scene: Scene, seconds: float) -> None:
    """Readers of every school at once; each decision has to be on the trail once."""
    schools = scalars(scene.instance, _SCHOOLS)
    holders = [scene.holder(str(school)) for school in schools]
    connection = await Connection.to(scene.ports[0])
    for holder in holders:
        await holder.learn_nonce(connection)
    before, until = scalars(scene.instance, _DECISIONS)[0], time.monotonic() + seconds

    async def read(number: int) -> int:
        holder, school_id = holders[number % len(holders)], schools[number % len(schools)]
        mine, done = await Connection.to(scene.ports[number % PROCESSES]), 0
        while time.monotonic() < until:
            path = f"/v1/schools/{school_id}/results?pageSize=60"
            required(await mine.ask(holder.request(path)))
            done += 1
        return done

    answered = sum(await asyncio.gather(*map(read, range(READERS))))
    report.show("readers_requests", answered, readers=READERS, seconds=seconds)
    entries = scalars(scene.instance, _DECISIONS)[0] - before
    report.show("readers_entries", entries, readers=READERS, seconds=seconds)


def required(answer: Answer, status: int = httpx.codes.OK) -> Answer:
    if answer.status != status:
        raise SystemExit(f"answered with {answer.status}: {answer.body.decode()}")
    return answer


def scalars(instance: Instance, query: Any) -> Sequence[Any]:
    settings = instance.record().settings()
    with sessions_of(settings) as sessions, transaction(sessions) as session:
        return session.scalars(query).all()


@contextmanager
def scene_in(directory: Path) -> Iterator[Scene]:
    delivery, instance = directory / "delivery", Instance(directory / "data")
    generate_delivery(DeliveryPlan(schools=SCHOOLS, seed=1), delivery)
    with running(instance, workers=1), ExitStack() as started:
        timed_import(instance, delivery)
        release = cli(instance, "release", "--administration", ADMINISTRATION)
        subprocess.run(release, check=True, stdout=subprocess.DEVNULL)
        with (
            sessions_of(instance.record().settings()) as sessions,
            transaction(sessions) as session,
        ):
            school_id, class_group = session.execute(_CLASS_GROUP, {"students": STUDENTS}).one()
        about = {results_api.SCHOOL: school_id, results_api.CLASS_GROUP: class_group}

        def peers(factory: str, processes: int = PROCESSES) -> tuple[int, ...]:
            environment = os.environ | instance.record().environment_of("owner") | about
            module = f"benchmarks.peers.results_api:{factory}"
            program = [sys.executable, "-m", "uvicorn", module, "--factory", "--log-level=warning"]
            return tuple(
                started.enter_context(listening([*program, "--port"], environment))
                for _ in range(processes)
            )

        ours = os.environ | instance.record().environment_of("api")
        first = httpx.URL(instance.api_url or "").port or 0
        second = started.enter_context(listening(toetsfeedback_command("api", "--port"), ours))
        apis = (first, second)
        unchecked, unbraked = peers("unchecked"), peers("unbraked", 1)
        others = unchecked, unbraked, peers("bare"), peers("from_memory")
        yield Scene(instance, apis, *others, school_id, class_group)


@contextmanager
def listening(program: list[str], environment: dict[str, str]) -> Iterator[int]:
    """The port on which the program listens, which its last argument is to name."""
    port = choose_port()
    process = subprocess.Popen([*program, str(port)], env=environment, stdout=subprocess.DEVNULL)
    try:
        while not is_listening(port):
            if process.poll() is not None:
                raise SystemExit(f"{program} ended before it listened")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
