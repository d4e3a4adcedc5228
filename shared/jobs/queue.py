"""Wake-up calls: small messages by name over Redis; losing one costs time and nothing else."""

from dramatiq import Message, Middleware
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

from shared.core.settings import Settings

WAKE_UPS = "wake-ups"
"""The one queue: which work comes first is asked of the database, not of the order of calls."""

TIMEOUT_SECONDS = 1
"""Whoever asks for a job waits no longer than this for a queue that hangs."""


class WakeUpQueue:
    """Sends wake-ups; knows the names of actors, not the actors."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    def wake(self, kind: str) -> None:
        """Calls for a worker, unless a call is waiting already: there is work, of this kind first.

        Whoever hears it takes the best item there is and calls the next worker, so one call is
        enough for any number of items. It may be lost, doubled, late or out of order.

        Raises:
            redis.RedisError: when the queue cannot be reached.
        """
        if not self._broker.client.llen(f"{self._broker.namespace}:{WAKE_UPS}"):
            self._broker.enqueue(
                Message(queue_name=WAKE_UPS, actor_name=kind, args=(), kwargs={}, options={})
            )


def open_broker(settings: Settings, middleware: list[Middleware]) -> RedisBroker:
    """A broker that knows the queue; it connects on first use, and gives up soon."""
    client = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        health_check_interval=30,
    )
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
        client=client, middleware=middleware
    )
    broker.declare_queue(WAKE_UPS)
    return broker
