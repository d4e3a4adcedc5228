"""Outages of the servers of a deployment, and how long requests wait during one."""

import stat
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from embedded.running_instance import REDIS_URL, STORAGE_URL
from tests.chaos.deployment import Deployment, with_port
from tests.chaos.tcp_proxy import TcpProxy
from tests.storage.s3_server import CREDENTIALS, new_storage_url

POSTGRESQL, REDIS, STORE = "PostgreSQL", "Redis", "store"
FULL, READ_ONLY, NO_DISK = "full", "read-only", "disk full"
REQUEST_SECONDS = 4.0
"""The deadline of requests in the deployment."""
LEASE_SECONDS = 10.0
"""A transaction can be idle for four of them, such as while the store is silent."""


@dataclass(frozen=True, slots=True)
class Outages:
    """A deployment whose servers can all be made to fail."""

    deployment: Deployment
    proxies: dict[str, TcpProxy]

    @contextmanager
    def outage(self, server: str, fault: str) -> Iterator[None]:
        """Let a server fail in the block."""
        if (server, fault) in _SERVER_FAULTS:
            with _SERVER_FAULTS[server, fault](self.deployment):
                yield
            return
        self.proxies[server].fault = fault
        try:
            yield
        finally:
            self.proxies[server].fault = ""


@contextmanager
def outages_of(deployment: Deployment, s3_endpoint: str) -> Iterator[Outages]:
    """Run API and workers behind a proxy for each server, with S3 as their object store."""
    ports = {
        POSTGRESQL: deployment.postgres.port,
        REDIS: deployment.valkey.port,
        STORE: urlsplit(s3_endpoint).port or 80,
    }
    proxies = {server: TcpProxy(port) for server, port in ports.items()}
    with ExitStack() as stack:
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
        yield Outages(deployment, proxies)


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
def _read_only_database(deployment: Deployment) -> Iterator[None]:
    with psycopg.connect(deployment.postgres.url, autocommit=True) as connection:
        connection.execute("alter system set default_transaction_read_only = on")
        connection.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            connection.execute("alter system reset default_transaction_read_only")
            connection.execute("select pg_reload_conf()")


_SERVER_FAULTS = {
    (REDIS, FULL): _full_redis,
    (REDIS, READ_ONLY): _replica_of_nothing,
    (REDIS, NO_DISK): _redis_without_disk,
    (POSTGRESQL, READ_ONLY): _read_only_database,
}


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
