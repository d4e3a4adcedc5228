"""Faults inside the servers of a deployment, for the length of a block."""

import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import redis

from embedded.child_process import ChildProcess
from shared.core.settings import MIB
from tests.chaos.deployment import Deployment
from tests.chaos.loop_disk import run

POSTGRESQL, REDIS, STORE, DISK = "PostgreSQL", "Redis", "store", "disk"
FULL, READ_ONLY, NO_DISK, FROZEN = "full", "read-only", "disk full", "frozen"
NO_WAL, SILENT = "log full", "silent"
WAL_MEBIBYTES = 1024
"""More than the write-ahead log has before it is full."""

Fault = Callable[[Deployment], AbstractContextManager[None]]


@contextmanager
def _full_redis(deployment: Deployment) -> Iterator[None]:
    with redis.Redis.from_url(deployment.valkey.url) as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", before)


@contextmanager
def _redis_without_disk(deployment: Deployment) -> Iterator[None]:
    """Let the server fail to save, after which it refuses writes, as with a full disk."""
    directory, mode = deployment.data.valkey, deployment.data.valkey.stat().st_mode
    with redis.Redis.from_url(deployment.valkey.url) as client:
        client.config_set("save", "3600 1")
        directory.chmod(0o500)
        try:
            client.bgsave()
            deployment.wait_until(lambda: client.info()["rdb_last_bgsave_status"] != "ok")
            yield
        finally:
            directory.chmod(stat.S_IMODE(mode))
            client.bgsave()
            deployment.wait_until(lambda: client.info()["rdb_last_bgsave_status"] == "ok")
            client.config_set("save", "")


@contextmanager
def _replica_of_nothing(deployment: Deployment) -> Iterator[None]:
    """Make the server a replica, as the former primary is after a failover."""
    with redis.Redis.from_url(deployment.valkey.url) as client:
        client.replicaof("127.0.0.1", "1")
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def _frozen(server: ChildProcess) -> Iterator[None]:
    """Stop all processes of a server; the kernel still accepts connections for it."""
    assert server.pid is not None
    parent = psutil.Process(server.pid)
    processes = [parent, *parent.children(recursive=True)]
    _send(signal.SIGSTOP, processes)
    try:
        yield
    finally:
        _send(signal.SIGCONT, processes)


def _send(number: signal.Signals, processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@contextmanager
def _read_only_database(deployment: Deployment) -> Iterator[None]:
    with psycopg.connect(deployment.postgres.url, autocommit=True) as connection:
        connection.execute("alter system set default_transaction_read_only = on")
        connection.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            connection.execute("alter system reset default_transaction_read_only")
            connection.execute("select pg_reload_conf()")


@contextmanager
def _database_without_disk(deployment: Deployment) -> Iterator[None]:
    """Fill the disk of the database, whose tables have no free space then."""
    with psycopg.connect(deployment.postgres.url, autocommit=True) as connection:
        connection.execute("vacuum full")
    with full_disk(deployment.data.postgres):
        yield


@contextmanager
def _database_without_room_for_its_log(deployment: Deployment) -> Iterator[None]:
    """Fill the disk and the write-ahead log, so that the server crashes at the next write.

    If it has ended, it is started afterwards, as the supervisor of `up` does.
    """
    url = deployment.postgres.url
    with full_disk(deployment.data.postgres):
        with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as one:
            for _ in range(WAL_MEBIBYTES):
                one.execute("select pg_logical_emit_message(false, '', repeat('x', 1048576))")
        yield
    if not deployment.postgres.is_alive():
        deployment.start(deployment.postgres)


@contextmanager
def full_disk(mount_point: Path) -> Iterator[None]:
    """Write a file that uses all the space that is left on a disk."""
    filler = mount_point / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MIB, 4096):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only_disk(mount_point: Path) -> Iterator[None]:
    """Mount a disk read-only, as the kernel does after an error of the device."""
    _mount_again("ro", mount_point)
    try:
        yield
    finally:
        _mount_again("rw", mount_point)


def _mount_again(mode: str, mount_point: Path) -> None:
    """Mount a disk in another mode, which waits for files that are open for writing."""

    def is_mounted() -> bool:
        try:
            run("mount", "-o", f"remount,{mode}", str(mount_point))
        except subprocess.CalledProcessError:
            return False
        return True

    Deployment.wait_until(is_mounted)


@contextmanager
def frozen_disk(mount_point: Path) -> Iterator[None]:
    """Let every write to a disk wait, as one does for a device that does not respond."""
    run("fsfreeze", "--freeze", str(mount_point))
    try:
        yield
    finally:
        run("fsfreeze", "--unfreeze", str(mount_point))


SERVER_FAULTS: dict[tuple[str, str], Fault] = {
    (REDIS, FULL): _full_redis,
    (REDIS, READ_ONLY): _replica_of_nothing,
    (REDIS, NO_DISK): _redis_without_disk,
    (REDIS, FROZEN): lambda deployment: _frozen(deployment.valkey),
    (POSTGRESQL, READ_ONLY): _read_only_database,
    (POSTGRESQL, NO_DISK): _database_without_disk,
    (POSTGRESQL, NO_WAL): _database_without_room_for_its_log,
    (POSTGRESQL, FROZEN): lambda deployment: _frozen(deployment.postgres),
}
DISK_FAULTS: dict[str, Callable[[Path], AbstractContextManager[None]]] = {
    FULL: full_disk,
    READ_ONLY: read_only_disk,
    SILENT: frozen_disk,
}
