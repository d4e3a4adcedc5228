"""Outages of the servers of a deployment, and how long requests wait during one."""

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from embedded.running_instance import REDIS_URL, STORAGE_URL
from tests.chaos.deployment import Deployment, with_port
from tests.chaos.loop_disk import LoopDisk, run
from tests.chaos.server_faults import (
    DISK,
    DISK_FAULTS,
    FULL,
    POSTGRESQL,
    READ_ONLY,
    REDIS,
    SERVER_FAULTS,
    STORE,
)
from tests.chaos.tcp_proxy import TcpProxy
from tests.storage.s3_server import CREDENTIALS, FailingProxy, failing_proxy, new_storage_url

REQUEST_SECONDS = 4.0
"""The deadline of requests in the deployment."""
LEASE_SECONDS = 10.0
"""A transaction can be idle for four of them, such as while the store is silent."""
DATABASE_DISK_MEBIBYTES = 600
STORE_FAULTS = {FULL: "full", READ_ONLY: "denied"}
WRITES = {"PUT", "POST", "DELETE"}


@dataclass(frozen=True, slots=True)
class Outages:
    """A deployment whose servers can all be made to fail."""

    deployment: Deployment
    proxies: dict[str, TcpProxy]
    store: FailingProxy

    @contextmanager
    def outage(self, server: str, fault: str) -> Iterator[None]:
        """Let a server fail in the block."""
        if (server, fault) in SERVER_FAULTS:
            with SERVER_FAULTS[server, fault](self.deployment):
                yield
            return
        try:
            if server == STORE and fault in STORE_FAULTS:
                self.store.fault = lambda method: STORE_FAULTS[fault] if method in WRITES else ""
            else:
                self.proxies[server].fault = fault
            yield
        finally:
            self.store.fault = lambda _method: ""
            self.proxies[server].fault = ""


@dataclass(frozen=True, slots=True)
class DiskOutages:
    """A deployment with its objects on a disk that can be made to fail."""

    deployment: Deployment
    disk: LoopDisk

    @contextmanager
    def outage(self, server: str, fault: str) -> Iterator[None]:
        assert server == DISK
        with DISK_FAULTS[fault](self.disk.mount_point):
            yield


AnyOutages = Outages | DiskOutages


@contextmanager
def outages_of(deployment: Deployment, s3_endpoint: str) -> Iterator[Outages]:
    """Run API and workers behind a proxy for each server, with S3 as their object store."""
    with ExitStack() as stack:
        store = stack.enter_context(failing_proxy(s3_endpoint))
        if os.geteuid() == 0:
            stack.enter_context(_database_on_small_disk(deployment))
        ports = {
            POSTGRESQL: deployment.postgres.port,
            REDIS: deployment.valkey.port,
            STORE: urlsplit(store.url).port or 80,
        }
        proxies = {server: TcpProxy(port) for server, port in ports.items()}
        for proxy in proxies.values():
            stack.enter_context(proxy.running())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        endpoint = with_port(s3_endpoint, proxies[STORE].port)
        variables = CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint, "AWS_TIMEOUT": "2s"}
        for name, value in variables.items():
            patch.setenv(name, value)
        environment = {
            STORAGE_URL: new_storage_url(),
            REDIS_URL: with_port(deployment.valkey.url, proxies[REDIS].port),
            "TOETSFEEDBACK_API_REQUEST_SECONDS": str(REQUEST_SECONDS),
            "TOETSFEEDBACK_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        database_port = proxies[POSTGRESQL].port
        stack.enter_context(deployment.restarted_with(environment, database_port=database_port))
        yield Outages(deployment, proxies, store)


@contextmanager
def _database_on_small_disk(deployment: Deployment) -> Iterator[None]:
    """Move the database to a disk of its own, which can be filled; only root can mount one."""
    path = deployment.data.postgres
    elsewhere = path.with_name("postgres.elsewhere")
    deployment.postgres.stop()
    path.rename(elsewhere)
    path.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={DATABASE_DISK_MEBIBYTES}m", "chaos", str(path))
    run("cp", "-a", f"{elsewhere}/.", str(path))
    deployment.start(deployment.postgres)
    with psycopg.connect(deployment.postgres.url, autocommit=True) as connection:
        connection.execute("alter system set max_wal_size = '128MB'")
        connection.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        deployment.postgres.stop()
        shutil.rmtree(elsewhere)
        run("cp", "-a", str(path), str(elsewhere))
        run("umount", str(path))
        path.rmdir()
        elsewhere.rename(path)
        deployment.start(deployment.postgres)


@dataclass(slots=True)
class Waits:
    """The longest time of each kind of request, in seconds, and its statuses."""

    longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def measure(self, kind: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        started = time.monotonic()
        response = send()
        self.longest[kind] = max(self.longest[kind], time.monotonic() - started)
        self.statuses[kind].add(response.status_code)
        return response

    def cell(self, kind: str) -> str:
        return f"{'/'.join(map(str, sorted(self.statuses[kind])))} in {self.longest[kind]:.1f}"
