"""An instance: a data directory, and the servers and programs that run in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.orphans import stop_orphans
from embedded.postgres import EmbeddedPostgres
from embedded.process_identity import ProcessIdentity
from embedded.running_instance import (
    DATABASE_URL,
    REDIS_URL,
    STORAGE_URL,
    DirectoryIdentity,
    RecordedProcess,
    RunningInstance,
)
from embedded.service_user import Report, no_report
from embedded.supervisor import RestartPolicy, Supervisor
from embedded.valkey import EmbeddedValkey
from embedded.watchdog import start_watchdog
from migrations.logins import create_logins, derived_passwords
from shared.core.errors import ConfigurationError


class Instance:
    """An instance of the service.

    `environment` is that of its programs, next to a login; it grows with each server that starts.
    Each start is recorded in the data directory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        report: Report = no_report,
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
    def open(self) -> Iterator[None]:
        """Lock the directory; at the end of the block, stop everything that was started.

        A watchdog does so if this process is killed.
        """
        self.data.prepare()
        with self.data.locked():
            stop_orphans(self.data, self.report)
            with start_watchdog(self.data):
                try:
                    yield
                finally:
                    self.supervisor.stop()
                    self.data.remove_running()

    def start_postgres(self) -> str:
        postgres = EmbeddedPostgres(self.data, durable=self.durable, report=self.report)
        self.supervisor.start(postgres)
        return self._set_variable(DATABASE_URL, postgres.url)

    def start_valkey(self) -> str:
        valkey = EmbeddedValkey(self.data, report=self.report)
        self.supervisor.start(valkey)
        return self._set_variable(REDIS_URL, valkey.url)

    def use_storage(self) -> str:
        return self._set_variable(STORAGE_URL, self.data.storage.as_uri())

    def create_logins(self) -> None:
        """Create a database login for each program."""
        owner_url = self.environment[DATABASE_URL]
        try:
            self.logins = create_logins(owner_url, derived_passwords(owner_url))
        except (psycopg.Error, ConfigurationError) as error:
            raise EmbeddedError(f"the database logins cannot be created: {error}") from None

    def environment_of(self, program: str) -> dict[str, str]:
        return self.environment | {DATABASE_URL: self.logins[program]}

    def record(self) -> RunningInstance:
        """Write the running processes to `running.json`."""
        owner = ProcessIdentity.of(os.getpid())
        if owner is None:
            raise EmbeddedError("this process has no entry in /proc: mount /proc")
        instance = RunningInstance(
            owner=owner,
            directory=DirectoryIdentity.of(self.data.path),
            environment=dict(self.environment),
            processes=tuple(
                RecordedProcess(process.name, identity)
                for process in self.supervisor.processes
                if (identity := process.identity)
            ),
            api_url=self.api_url,
            logins=dict(self.logins),
        )
        self.data.write_running(instance)
        return instance

    def _set_variable(self, variable: str, value: str) -> str:
        self.environment[variable] = value
        self.record()
        return value
