"""One data directory and the parts that run in it, from the first start to the last stop."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.guardian import guarded
from embedded.identity import ProcessIdentity
from embedded.leftovers import stop_leftovers
from embedded.postgres import EmbeddedPostgres
from embedded.running import (
    DATABASE_URL,
    REDIS_URL,
    STORAGE_URL,
    RecordedProcess,
    RunningInstance,
)
from embedded.service_user import Report, say_nothing
from embedded.supervisor import RestartPolicy, Supervisor
from embedded.valkey import EmbeddedValkey
from migrations.logins import derived_passwords, make_logins
from shared.core.errors import ConfigurationError


class Instance:
    """`environment` grows with what is started; it and a login are all that programs are told.

    What runs is on record in the data directory from the moment it was started.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        report: Report = say_nothing,
        policy: RestartPolicy | None = None,
    ) -> None:
        self.data = DataDirectory(directory)
        self.durable = durable
        self.report = report
        self.supervisor = Supervisor(report, self.record, policy)
        self.environment: dict[str, str] = {}
        self.logins: dict[str, str] = {}
        self.api_url: str | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Inside, the directory is ours alone; at the end all that was started is stopped.

        A guardian sees to that even when this process is killed.
        """
        self.data.prepare()
        with self.data.locked():
            stop_leftovers(self.data, self.report)
            with guarded(self.data):
                try:
                    yield
                finally:
                    self.supervisor.stop()
                    self.data.forget_running()

    def start_postgres(self) -> str:
        postgres = EmbeddedPostgres(self.data, durable=self.durable, report=self.report)
        self.supervisor.start(postgres)
        return self._has(DATABASE_URL, postgres.url)

    def start_valkey(self) -> str:
        valkey = EmbeddedValkey(self.data, report=self.report)
        self.supervisor.start(valkey)
        return self._has(REDIS_URL, valkey.url)

    def use_storage(self) -> str:
        return self._has(STORAGE_URL, self.data.storage.as_uri())

    def make_logins(self) -> None:
        """Lets each program into the database with a login of its own."""
        owner_url = self.environment[DATABASE_URL]
        try:
            self.logins = make_logins(owner_url, derived_passwords(owner_url))
        except (psycopg.Error, ConfigurationError) as error:
            raise EmbeddedError(f"the logins of the programs cannot be made: {error}") from None

    def environment_of(self, program: str) -> dict[str, str]:
        return self.environment | {DATABASE_URL: self.logins[program]}

    def record(self) -> RunningInstance:
        """Puts down in `running.json` what runs at this moment."""
        owner = ProcessIdentity.of(os.getpid())
        if owner is None:
            raise EmbeddedError("this process cannot be seen: /proc is not there, mount it")
        instance = RunningInstance(
            owner=owner,
            environment=dict(self.environment),
            processes=tuple(
                RecordedProcess(part.name, identity)
                for part in self.supervisor.parts
                if (identity := part.identity)
            ),
            api_url=self.api_url,
            logins=dict(self.logins),
        )
        self.data.write_running(instance)
        return instance

    def _has(self, variable: str, value: str) -> str:
        self.environment[variable] = value
        self.record()
        return value
