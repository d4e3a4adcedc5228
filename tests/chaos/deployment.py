"""The service as separate processes, which a test can kill, stop or start one by one."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from joserfc.jwk import ECKey
from sqlalchemy import func, select, text

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from embedded.child_process import ChildProcess
from embedded.instance import Instance
from embedded.ports import LOOPBACK, choose_port
from embedded.postgres import EmbeddedPostgres
from embedded.programs import Command, Program, is_healthy, toetsfeedback_command
from embedded.running_instance import DATABASE_URL, REDIS_URL, STORAGE_URL
from embedded.valkey import EmbeddedValkey
from migrations.logins import create_logins, derived_passwords
from migrations.upgrade import migrate
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import open_engine, session_factory
from shared.core.secrets import read_insz_key
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.service import import_delivery
from shared.jobs.models import JobItem
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from synthetic.generate import DeliveryPlan, generate_delivery
from tests.releasing import add_window

ADMINISTRATION = "2024"
LEASE_SECONDS = 2.0
WORKERS = 2
RECOVERY_SECONDS = 90.0

SHORT_INTERVALS = {
    "TOETSFEEDBACK_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
    "TOETSFEEDBACK_JOB_SWEEP_SECONDS": "0.3",
    "TOETSFEEDBACK_JOB_MAX_ATTEMPTS": "30",
    "TOETSFEEDBACK_LOG_LEVEL": "WARNING",
}

COMPLETION_TRIGGER = """
create table completions (item_id uuid not null);
create function record_completion() returns trigger language plpgsql security definer as
  $$ begin insert into completions values (new.id); return new; end $$;
create trigger record_completion after update of state on job_items for each row
  when (new.state not in ('queued', 'running') or old.state not in ('queued', 'running'))
  execute function record_completion();
"""
"""Records each completion of an item, and each later change of its state, in its transaction."""


def with_port(url: str, port: int) -> str:
    """Return the URL with another port, which a proxy listens on."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


class Deployment:
    """PostgreSQL, Valkey, an API and workers, without supervision: nothing is restarted."""

    def __init__(self, directory: Path) -> None:
        self._instance = Instance(directory, durable=False)
        self.data = self._instance.data
        self.postgres = EmbeddedPostgres(self.data, durable=False)
        self.valkey = EmbeddedValkey(self.data)
        self.environment = dict(SHORT_INTERVALS)
        self._logins = {"api": "", "worker": ""}
        self._port = choose_port()
        self._create_programs(toetsfeedback_command)

    def _create_programs(self, command: Command) -> None:
        def program(name: str, arguments: list[str], ready: Callable[[], bool]) -> Program:
            login = {DATABASE_URL: self._logins[name.partition("-")[0]]}
            return Program(name, self.data.log(name), arguments, self.environment | login, ready)

        self.api = program("api", command("api", "--port", str(self._port)), self._is_healthy)
        self.workers = [
            program(f"worker-{number}", command("worker"), lambda: True)
            for number in range(1, WORKERS + 1)
        ]

    def _is_healthy(self) -> bool:
        return is_healthy(self._port)

    @contextmanager
    def running(self, schools: int, seed: int) -> Iterator[None]:
        """Run with an imported and released delivery; stop everything at the end."""
        with self._instance.open():
            self._instance.supervisor.start(self.postgres, self.valkey)
            signing_key = ECKey.generate_key("P-256").as_pem(private=True)
            self.environment |= {
                DATABASE_URL: self.postgres.url,
                REDIS_URL: self.valkey.url,
                STORAGE_URL: self._instance.use_storage(),
                "TOETSFEEDBACK_SIGNING_KEYS": str(self.data.secret("sign", lambda: signing_key)),
                "TOETSFEEDBACK_PUBLIC_URL": f"http://{LOOPBACK}:{self._port}",
                "TOETSFEEDBACK_INSZ_KEY_FILE": str(self.data.secret("insz", token_hex(32).encode)),
                "TOETSFEEDBACK_VIEWING_KEY_FILE": str(
                    self.data.secret("viewing", token_hex(32).encode)
                ),
                "TOETSFEEDBACK_MANIFEST_KEY_FILE": str(
                    self.data.secret("sign", lambda: signing_key)
                ),
            }
            self._engine = open_engine(self.settings, application_name="tests")
            try:
                self._import_delivery(schools, seed)
                owner_url = self.postgres.url
                self._logins = create_logins(owner_url, derived_passwords(owner_url))
                self._create_programs(toetsfeedback_command)
                self._instance.supervisor.start(self.api, *self.workers)
                yield
            finally:
                self.resume()
                self._engine.dispose()

    def _import_delivery(self, schools: int, seed: int) -> None:
        migrate(self._engine)
        plan = DeliveryPlan(schools=schools, seed=seed, with_items=False)
        generate_delivery(plan, self.data.path / "delivery")
        key = read_insz_key(self.settings.require_file("insz_key_file"))
        with self.unit_of_work() as unit:
            unit.session.execute(text(COMPLETION_TRIGGER))
            import_delivery(
                unit.session, self.data.path / "delivery", insz_key=key, received_from="chaos"
            )
            opened_at = datetime.now(UTC) - timedelta(days=1)
            add_window(unit.session, ADMINISTRATION, opens_at=opened_at)

    @contextmanager
    def restarted_with(
        self,
        environment: Mapping[str, str] | None = None,
        command: Command = toetsfeedback_command,
        *,
        database_port: int | None = None,
    ) -> Iterator[None]:
        """Run API and workers with other settings or another command inside the block.

        `database_port` is that of a proxy between them and PostgreSQL.
        """
        environment_before, logins_before = dict(self.environment), dict(self._logins)
        self.kill(self.api, *self.workers)
        self.environment |= environment or {}
        if database_port is not None:
            for program, url in self._logins.items():
                self._logins[program] = with_port(url, database_port)
        self._create_programs(command)
        try:
            self._instance.supervisor.start(self.api, *self.workers)
            yield
        finally:
            self.kill(self.api, *self.workers)
            self.environment, self._logins = environment_before, logins_before
            self._create_programs(toetsfeedback_command)
            self._instance.supervisor.start(self.api, *self.workers)

    @property
    def settings(self) -> Settings:
        own = {n: v for n, v in self.environment.items() if n.startswith("TOETSFEEDBACK_")}
        return Settings.model_validate(
            {name.removeprefix("TOETSFEEDBACK_").lower(): value for name, value in own.items()}
        )

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        with UnitOfWork(session_factory(self._engine)) as unit:
            yield unit

    @property
    def parts(self) -> list[EmbeddedPostgres | EmbeddedValkey | Program]:
        return [self.postgres, self.valkey, self.api, *self.workers]

    def recover(self) -> None:
        """Resume and start every process."""
        self.resume()
        self.start(*(part for part in self.parts if not part.is_alive()))
        self.wait_until(self._is_healthy)

    def start(self, *parts: EmbeddedPostgres | EmbeddedValkey | Program) -> None:
        """Start the processes and record them, so that a killed test run leaves none."""
        for part in parts:
            part.start()
            self._instance.record()

    def resume(self) -> None:
        for part in self.parts:
            self.send(signal.SIGCONT, part)

    @staticmethod
    def send(number: signal.Signals, *parts: ChildProcess) -> None:
        for part in parts:
            if part.pid is not None:
                os.kill(part.pid, number)

    def kill(self, *parts: ChildProcess) -> None:
        """Send SIGKILL and wait for the exit."""
        self.send(signal.SIGKILL, *parts)
        self.wait_until(lambda: not any(part.is_alive() for part in parts))

    @staticmethod
    def wait_until(condition: Callable[[], object], seconds: float = RECOVERY_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "timeout"
            time.sleep(0.02)

    def operator(self) -> httpx.Client:
        return self._client(CallerKind.OPERATOR)

    def school(self, school: str) -> httpx.Client:
        return self._client(CallerKind.SCHOOL, school)

    def _client(self, kind: CallerKind, school: str | None = None) -> httpx.Client:
        authority = TokenAuthority.of(self.settings)
        caller = Caller("chaos", kind, GRANTABLE[kind], school)
        key = ProofKey()
        return httpx.Client(
            base_url=f"http://{LOOPBACK}:{self._port}",
            auth=TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, key.thumbprint), key),
            timeout=60,
        )

    def build(self) -> UUID:
        """Start a job for all documents through the API, and return its id."""
        return self._start_job(kind="documents.build", force=True)

    def compute(self) -> UUID:
        """Start a job for the school feedback of all schools, and return its id."""
        return self._start_job(kind="feedback.compute")

    def _start_job(self, **order: Any) -> UUID:
        with self.operator() as client:
            response = client.post("/v1/jobs", json={"administrationId": ADMINISTRATION, **order})
        assert response.status_code == httpx.codes.ACCEPTED, response.text
        return UUID(response.headers["Location"].rpartition("/")[2])

    def items(self, *states: str, attempts: int = 0) -> int:
        """Count the items in one of the states with at least that many attempts."""
        with self.unit_of_work() as unit:
            query = select(func.count()).where(
                JobItem.state.in_(states), JobItem.attempts >= attempts
            )
            return unit.session.scalar(query) or 0

    def wait_for_work(self) -> None:
        """Wait until a worker has claimed an item."""
        self.wait_until(lambda: self.items("running"))
