"""The layout of one data directory, who may use it now, and what runs in it."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.identity import ProcessIdentity
from embedded.running import RunningInstance


class DataDirectory:
    """Everything one instance keeps; two instances side by side have two of these.

    Every folder in it is private to its owner. Making the object touches nothing: `prepare` does.
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
        """Makes what is missing; `postgres/` is left to the server, which must find it new."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.valkey, self.storage, self.keys, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
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
        """The file of a secret in `keys/`, made once and kept ever after."""
        path = self.keys / name
        if not path.exists():
            write_private(path, make())
        return path

    @contextmanager
    def locked(self, patience: float = 30.0) -> Iterator[None]:
        """Holds the directory for this process alone.

        Refused at once while the process that holds it runs as its owner; what only tidies up
        after an owner that was killed is waited for, at most `patience` seconds.
        """
        with self._open_lock() as descriptor:
            deadline = time.monotonic() + patience
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
    def locked_if_free(self, patience: float = 5.0) -> Iterator[bool]:
        """Holds the directory without becoming its owner; False when another took it first."""
        with self._open_lock() as descriptor:
            deadline = time.monotonic() + patience
            while not (held := _try_lock(descriptor)) and time.monotonic() < deadline:
                time.sleep(0.05)
            yield held

    @contextmanager
    def _open_lock(self) -> Iterator[int]:
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"{self.lock} cannot be opened ({error.strerror}): use the data directory as the "
                "user who made it, or choose another one"
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
        """The instance that runs here now; None when its owner has ended.

        A part that fell is left in the record: its owner is about to start it again.
        """
        record = self.read_record()
        return record if record and record.owner.is_alive() else None

    def read_record(self) -> RunningInstance | None:
        """What was recorded last, whether or not it still runs."""
        try:
            return RunningInstance.from_json(self.running.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise EmbeddedError(
                f"{self.running} may not be read: run this as the user who started the instance"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddedError(
                f"{self.running} is not a record of a running instance: remove the file, then try "
                "again"
            ) from error

    def write_running(self, instance: RunningInstance) -> None:
        write_private(self.running, instance.to_json().encode())

    def forget_running(self) -> None:
        self.running.unlink(missing_ok=True)

    def remembered_port(self, name: str) -> int | None:
        """The port a part had at an earlier start, so that addresses stay what they were."""
        return self._read_ports().get(name)

    def remember_port(self, name: str, port: int) -> None:
        ports = self._read_ports()
        if ports.get(name) != port:
            write_private(self.ports, json.dumps(ports | {name: port}).encode())

    def _read_ports(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            return {str(k): int(v) for k, v in json.loads(self.ports.read_bytes()).items()}
        return {}


def write_private(path: Path, content: bytes) -> None:
    """Puts a file in place whole or not at all, readable by its owner only, and on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise EmbeddedError(
            f"{path} cannot be written ({error.strerror}): see that the disk has room and that the "
            "data directory is yours"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(path: Path, owner: ProcessIdentity | None) -> str:
    process = f" (process {owner.pid})" if owner else ""
    return (
        f"the data directory {path} is in use by another toetsfeedback{process}: stop that one "
        "first, or choose another data directory"
    )
