"""Wake-ups: messages without content over Redis; a lost one delays work and does no other harm."""

from dramatiq import Message, Middleware
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

from shared.core.settings import Settings

WAKE_UPS = "wake-ups"
"""The only queue. The database determines the order of the work, not the order of messages."""

TIMEOUT_SECONDS = 1
"""The longest time that a request for a job waits for an unresponsive queue."""


class WakeUpQueue:
    """A sender of wake-ups; it knows actors by name only."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    def wake(self, kind: str) -> None:
        """Send a wake-up to the actor of this kind, unless another one is still in the queue.

        The worker that receives it claims the item with the highest priority, of any kind, and
        wakes the next worker, so one message is enough for any number of items. A message may be
        lost, duplicated, late or out of order.

        Raises:
            redis.RedisError: when the queue cannot be reached.
        """
        if not self._broker.client.llen(f"{self._broker.namespace}:{WAKE_UPS}"):
            self._broker.enqueue(
                Message(queue_name=WAKE_UPS, actor_name=kind, args=(), kwargs={}, options={})
            )


def open_client(settings: Settings) -> Redis:
    """Return a client of Redis that connects on first use, with a short timeout."""
    client: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        health_check_interval=30,
    )
    return client


def open_broker(settings: Settings, middleware: list[Middleware]) -> RedisBroker:
    """Return a broker with the queue declared."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
        client=open_client(settings), middleware=middleware
    )
    broker.declare_queue(WAKE_UPS)
    return broker
