"""The APIs that the benchmark of access control compares, on servers in a temporary directory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from sqlalchemy import text

from benchmarks.measuring import build_and_release, timed_import
from benchmarks.peers import results_api
from benchmarks.traffic import TokenClient
from clients.python.proofs import ProofKey
from embedded.instance import Instance
from embedded.ports import choose_port, is_listening
from embedded.programs import toetsfeedback_command
from embedded.up import running
from services.cli.target import sessions_of
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import DeliveryPlan, generate_delivery

STUDENTS, SCHOOLS, PROCESSES = 30, 10, 2

_CLASS_GROUP = text("""
    select student.school_id, class_group.name
    from students student join class_groups class_group on class_group.id = student.class_group_id
    group by 1, 2 order by abs(count(*) - :students), 1, 2 limit 1
""")


@dataclass(frozen=True, slots=True)
class Targets:
    """The ports of the APIs under test, and the school and class group to request."""

    instance: Instance
    ports: tuple[int, ...]
    unchecked: tuple[int, ...]
    unlimited: tuple[int, ...]
    bare: tuple[int, ...]
    from_memory: tuple[int, ...]
    school_id: str
    class_group: str

    @property
    def path(self) -> str:
        class_group = quote(self.class_group)
        return f"/v1/schools/{self.school_id}/results?pageSize=200&classGroup={class_group}"

    def client(self, school_id: str) -> TokenClient:
        settings = self.instance.record().settings()
        caller = Caller("bench", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], school_id)
        key = ProofKey()
        token = TokenAuthority.of(settings).issue(caller, MAX_LIFETIME, key.thumbprint)
        return TokenClient(token, key, settings.public_url)


def scalars(instance: Instance, query: Any) -> Sequence[Any]:
    settings = instance.record().settings()
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        return unit.session.scalars(query).all()


@contextmanager
def start_targets(directory: Path) -> Iterator[Targets]:
    delivery, instance = directory / "delivery", Instance(directory / "data")
    generate_delivery(DeliveryPlan(schools=SCHOOLS, seed=1), delivery)
    with running(instance, workers=1), ExitStack() as started:
        timed_import(instance, delivery)
        build_and_release(instance)
        with (
            sessions_of(instance.record().settings()) as sessions,
            UnitOfWork(sessions) as unit,
        ):
            school_id, class_group = unit.session.execute(
                _CLASS_GROUP, {"students": STUDENTS}
            ).one()
        variables = {results_api.SCHOOL: school_id, results_api.CLASS_GROUP: class_group}

        def peers(factory: str, processes: int = PROCESSES) -> tuple[int, ...]:
            environment = os.environ | instance.record().environment_of("owner") | variables
            module = f"benchmarks.peers.results_api:{factory}"
            program = [sys.executable, "-m", "uvicorn", module, "--factory", "--log-level=warning"]
            return tuple(
                started.enter_context(listening([*program, "--port"], environment))
                for _ in range(processes)
            )

        environment = os.environ | instance.record().environment_of("api")
        first = httpx.URL(instance.api_url or "").port or 0
        second = started.enter_context(
            listening(toetsfeedback_command("api", "--port"), environment)
        )
        apis = (first, second)
        unchecked, unlimited = peers("unchecked"), peers("unlimited", 1)
        others = unchecked, unlimited, peers("bare"), peers("from_memory")
        yield Targets(instance, apis, *others, school_id, class_group)


@contextmanager
def listening(program: list[str], environment: dict[str, str]) -> Iterator[int]:
    """Run a program that takes a port as its last argument; yield the port once it listens."""
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
