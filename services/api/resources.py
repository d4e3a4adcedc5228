"""The long-lived resources of a running API: pools, clients and limits."""

from asyncio import Event, Semaphore
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import Engine

from services.api.http.connection_slots import MAX_WAITING, ConnectionSlots
from services.api.http.cursors import Cursors
from services.api.http.download_monitor import DownloadMonitor
from services.api.http.health_checks import HealthChecks
from services.api.http.rate_limiter import RateLimiter
from services.api.http.store_reads import StoreReads
from services.api.server_checks import open_checks
from services.http_server.connections import Connections
from shared.core.clock_guard import ClockGuard
from shared.core.database import (
    Sessions,
    open_engine,
    refuse_other_schemas,
    refuse_privileged_logins,
    session_factory,
)
from shared.core.session_limits import LIMITS
from shared.core.settings import Settings
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.oauth.identity_provider import Provider, ProviderSettings, open_provider
from shared.oauth.service import Issuer
from shared.oauth.tokens import TokenAuthority
from shared.release_plans.manifest_signatures import ManifestKey
from shared.storage.store import Storage, open_storage
from shared.viewings.codes import ViewingKey

RESERVED_CONNECTIONS = 2
"""For short transactions outside of requests, such as the questions during downloads."""

MAX_CONCURRENT_UPLOADS = 8
"""Deliveries received at a time; each has a few parts of 5 MiB in memory."""

MAX_CONCURRENT_EXCHANGES = 16
"""Token exchanges that wait for the identity provider at a time, each in a thread."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a process, opened and closed once; nothing connects before its first use.

    A request takes one of the `connection_slots` before it takes a connection of the pool.
    `stopping` is set when the server begins to stop.
    """

    engine: Engine
    sessions: Sessions
    clock: ClockGuard
    downloads: DownloadMonitor
    connections: Connections
    connection_slots: ConnectionSlots
    store_reads: StoreReads
    health: HealthChecks
    threads: ThreadPoolExecutor
    storage: Storage
    issuer: Issuer
    cursors: Cursors
    provider: Provider | None
    exchanges: Semaphore
    uploads: Semaphore
    public_url: str
    mandate_max_days: int
    broker: RedisBroker
    queue: WakeUpQueue
    rate_limiter: RateLimiter
    client_change_delay_hours: float
    manifest_key: ManifestKey
    viewing_key: ViewingKey
    release_approvals: int
    release_approval_hours: float
    request_seconds: float
    stopping: Event

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open all resources.

        Raises:
            ConfigurationError: when the signing key or the storage cannot be used.
        """
        manifest_key_file = settings.require_file("manifest_key_file")
        viewing_key_file = settings.require_file("viewing_key_file")
        authority = TokenAuthority.of(settings)
        storage = open_storage(settings.storage_url)
        engine = open_engine(
            settings,
            application_name="toetsfeedback-api",
            limits=LIMITS["api"],
            max_overflow=MAX_WAITING + RESERVED_CONNECTIONS,
            pool_seconds=settings.api_request_seconds,
        )
        refuse_privileged_logins(engine)
        refuse_other_schemas(engine)
        broker = open_broker(settings, middleware=[])
        clock = ClockGuard()
        sessions = session_factory(engine, clock)
        slots = max(1, settings.database_pool_size - RESERVED_CONNECTIONS)
        return cls(
            engine=engine,
            sessions=sessions,
            clock=clock,
            downloads=DownloadMonitor(sessions, settings.api_caller_downloads),
            connections=Connections.of(settings.api_max_connections),
            connection_slots=ConnectionSlots(slots),
            store_reads=StoreReads(),
            health=open_checks(engine, broker.client, storage),
            threads=ThreadPoolExecutor(slots + MAX_WAITING, thread_name_prefix="request"),
            storage=storage,
            issuer=Issuer.of(engine, authority),
            cursors=Cursors(authority.keys.derive_secrets("cursors")),
            provider=_provider(settings),
            exchanges=Semaphore(MAX_CONCURRENT_EXCHANGES),
            uploads=Semaphore(MAX_CONCURRENT_UPLOADS),
            public_url=settings.public_url,
            mandate_max_days=settings.mandate_max_days,
            broker=broker,
            queue=WakeUpQueue(broker),
            rate_limiter=RateLimiter(settings),
            client_change_delay_hours=settings.client_change_delay_hours,
            manifest_key=ManifestKey.read(manifest_key_file),
            viewing_key=ViewingKey.read(viewing_key_file),
            release_approvals=settings.release_approvals,
            release_approval_hours=settings.release_approval_hours,
            request_seconds=settings.api_request_seconds,
            stopping=Event(),
        )

    def close(self) -> None:
        self.downloads.close()
        self.store_reads.close()
        self.health.join()
        self.broker.close()
        self.engine.dispose()


def _provider(settings: Settings) -> Provider | None:
    file = settings.user_provider_file
    return None if file is None else open_provider(ProviderSettings.read(file))
