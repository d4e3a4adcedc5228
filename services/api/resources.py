"""What a running API is made of, put together once and closed once."""

from asyncio import Semaphore
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from services.api.security.rate_limits import Brakes
from shared.core.database import (
    Sessions,
    open_engine,
    refuse_privileged_logins,
    session_factory,
)
from shared.core.settings import Settings
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.oauth.dpop import Nonces
from shared.oauth.identity_provider import Provider, ProviderSettings, open_provider
from shared.oauth.service import Issuer
from shared.oauth.tokens import TokenAuthority
from shared.storage.store import Storage, open_storage

SPARE_CONNECTIONS = 2
"""For short transactions beside those of requests, such as the checks of a running download."""

MOST_UPLOADS = 8
"""So many deliveries come in at a time; each holds a few parts of 5 MiB."""

MOST_EXCHANGES = 16
"""So many at a time wait for the provider of people's tokens, each in a thread."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Nothing here connects before it is used: an API can start before its servers do."""

    engine: Engine
    sessions: Sessions
    turns: Semaphore
    threads: ThreadPoolExecutor
    storage: Storage
    issuer: Issuer
    provider: Provider | None
    exchanges: Semaphore
    uploads: Semaphore
    public_url: str
    broker: RedisBroker
    queue: WakeUpQueue
    brakes: Brakes

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises ConfigurationError when the signing key or the storage cannot be used."""
        authority = TokenAuthority.of(settings)
        storage = open_storage(settings.storage_url)
        engine = open_engine(settings, application_name="toetsfeedback-api")
        refuse_privileged_logins(engine)
        broker = open_broker(settings, middleware=[])
        at_once = max(1, settings.database_pool_size - SPARE_CONNECTIONS)
        return cls(
            engine=engine,
            sessions=session_factory(engine),
            turns=Semaphore(at_once),
            threads=ThreadPoolExecutor(at_once, thread_name_prefix="request"),
            storage=storage,
            issuer=Issuer(engine, authority, Nonces(authority.keys.secrets_for("nonces"))),
            provider=_provider(settings),
            exchanges=Semaphore(MOST_EXCHANGES),
            uploads=Semaphore(MOST_UPLOADS),
            public_url=settings.public_url,
            broker=broker,
            queue=WakeUpQueue(broker),
            brakes=Brakes(settings),
        )

    def require_harmless_login(self) -> None:
        """Raises ConfigurationError when the database lets us do more than a program should.

        While the database cannot be reached nothing is known yet; each connection asks again.
        """
        with suppress(OperationalError), self.engine.connect():
            pass

    def close(self) -> None:
        self.broker.close()
        self.engine.dispose()


def _provider(settings: Settings) -> Provider | None:
    file = settings.user_provider_file
    return None if file is None else open_provider(ProviderSettings.read(file))
