"""The data directory of an instance: its layout, its lock, and the record of what is running."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.process_identity import ProcessIdentity
from embedded.running_instance import DirectoryIdentity, RunningInstance
from shared.core.durable_files import make_directory_durably, write_durably


class DataDirectory:
    """The files of one instance; several instances have one data directory each.

    Every directory in it is private to its owner. The constructor creates nothing, `prepare` does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.storage = self.path / "storage"
        self.keys = self.path / "keys"
        self.logs = self.path / "logs"
        self.running = self.path / "running.json"
        self.ports = self.path / "ports.json"
        self.lock = self.path / "lock"

    def prepare(self) -> None:
        """Create the missing directories, except `postgres/`, which initdb creates."""
        try:
            for directory in (self.path, self.valkey, self.storage, self.keys, self.logs):
                make_directory_durably(directory)
        except OSError as error:
            raise EmbeddedError(
                f"{self.path} cannot be used as a data directory ({error.strerror}): "
                "choose another one"
            ) from error
        if os.geteuid() not in {0, self.path.stat().st_uid}:
            raise EmbeddedError(
                f"the data directory {self.path} belongs to another user: choose another one"
            )

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def secret(self, name: str, make: Callable[[], bytes]) -> Path:
        """Return the file of a secret in `keys/`, which is generated once."""
        path = self.keys / name
        if not path.exists():
            write_private(path, make())
        if not path.read_bytes().strip():
            raise EmbeddedError(
                f"the key file {path} is empty: put its content back from a backup, or start with "
                "a new data directory"
            )
        return path

    def write_key(self, name: str, content: bytes) -> Path:
        """Write a file in `keys/`, again at each start, and return it."""
        path = self.keys / name
        write_private(path, content)
        return path

    @contextmanager
    def locked(self, timeout: float = 30.0) -> Iterator[None]:
        """Lock the directory for this process.

        Fails at once if its owner is running. Waits at most `timeout` seconds for a process that
        cleans up after an owner that was killed.
        """
        with self._open_lock() as descriptor:
            deadline = time.monotonic() + timeout
            while not _try_lock(descriptor):
                owner = self._lock_owner(descriptor)
                if (owner and owner.is_alive()) or time.monotonic() > deadline:
                    raise EmbeddedError(_in_use(self.path, owner))
                time.sleep(0.1)
            me = ProcessIdentity.of(os.getpid())
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{me.pid} {me.started}".encode() if me else b"", 0)
            yield

    @contextmanager
    def locked_if_free(self, timeout: float = 5.0) -> Iterator[bool]:
        """Lock the directory without becoming its owner; False if another process has the lock."""
        with self._open_lock() as descriptor:
            deadline = time.monotonic() + timeout
            while not (is_locked := _try_lock(descriptor)) and time.monotonic() < deadline:
                time.sleep(0.05)
            yield is_locked

    @contextmanager
    def _open_lock(self) -> Iterator[int]:
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"{self.lock} cannot be open ({error.strerror}): use the data directory as the "
                "user who created it, or choose another one"
            ) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @staticmethod
    def _lock_owner(descriptor: int) -> ProcessIdentity | None:
        pid, _, started = os.pread(descriptor, 200, 0).decode().partition(" ")
        return ProcessIdentity(int(pid), started) if pid.isdigit() else None

    def read_running(self) -> RunningInstance | None:
        """Return the running instance, or None if its owner has exited.

        The record includes a process that exited and that its owner is about to restart.

        Raises:
            EmbeddedError: this directory is a copy of that of a running instance.
        """
        record = self.read_record()
        return record if record and record.owner.is_alive() else None

    def read_record(self) -> RunningInstance | None:
        """Return the last instance in this directory, which may have stopped.

        Raises:
            EmbeddedError: this directory is a copy of that of a running instance.
        """
        record = self._read_record()
        if record is None or record.directory.is_same(DirectoryIdentity.of(self.path)):
            return record
        if record.owner.is_alive():
            raise EmbeddedError(_copied(self.path, record))
        return None

    def _read_record(self) -> RunningInstance | None:
        try:
            return RunningInstance.from_json(self.running.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise EmbeddedError(
                f"{self.running} cannot be read: run this as the user who started the instance"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddedError(
                f"{self.running} is not a record of a running instance: remove the file and try "
                "again"
            ) from error

    def write_running(self, instance: RunningInstance) -> None:
        write_private(self.running, instance.to_json().encode())

    def remove_running(self) -> None:
        self.running.unlink(missing_ok=True)

    def stored_port(self, name: str) -> int | None:
        """Return the port of an earlier start, so that addresses stay the same."""
        return self._read_ports().get(name)

    def store_port(self, name: str, port: int) -> None:
        ports = self._read_ports()
        if ports.get(name) != port:
            write_private(self.ports, json.dumps(ports | {name: port}).encode())

    def _read_ports(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            return {str(k): int(v) for k, v in json.loads(self.ports.read_bytes()).items()}
        return {}


def person_key(keys: Path, number: int) -> Path:
    """Return the file of the private key of one of the invented persons."""
    return keys / f"person-{number}.pem"


def write_private(path: Path, content: bytes) -> None:
    """Write a file atomically and durably, readable by its owner only."""
    try:
        write_durably(path, content)
    except OSError as error:
        raise EmbeddedError(
            f"{path} cannot be written ({error.strerror}): check that its directory exists and is "
            "yours, and that the disk is not full"
        ) from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _copied(path: Path, record: RunningInstance) -> str:
    return (
        f"the data directory {path} is a copy of {record.directory.path}, which was made while "
        f"that was in use (process {record.owner.pid}): stop that toetsfeedback, copy its "
        "directory again, and start both"
    )


def _in_use(path: Path, owner: ProcessIdentity | None) -> str:
    process = f" (process {owner.pid})" if owner else ""
    return (
        f"the data directory {path} is in use by another toetsfeedback{process}: stop it first, "
        "or choose another data directory"
    )
