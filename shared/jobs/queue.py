"""Wake-up calls: small messages by name over Redis; losing one costs time and nothing else."""

from collections.abc import Iterable
from uuid import UUID

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from shared.core.settings import Settings
from shared.jobs.rules import Lane

CONNECT_TIMEOUT_SECONDS = 2


class WakeUpQueue:
    """Sends wake-ups; knows the names of actors, not the actors."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._broker = broker

    def wake(self, kind: str, lane: str, item_ids: Iterable[UUID]) -> None:
        """Asks for one worker per item. The same item may be asked for any number of times.

        Raises:
            dramatiq.errors.ConnectionError: when the queue cannot be reached.
        """
        for item_id in item_ids:
            self._broker.enqueue(
                dramatiq.Message(
                    queue_name=lane,
                    actor_name=kind,
                    args=(),
                    kwargs={"item_id": str(item_id)},
                    options={},
                )
            )


def open_broker(settings: Settings, middleware: list[dramatiq.Middleware]) -> RedisBroker:
    """A broker that knows every lane; it connects on first use, and gives up soon."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
        url=settings.redis_url.get_secret_value(),
        middleware=middleware,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=30,
        health_check_interval=30,
    )
    for lane in Lane:
        broker.declare_queue(lane.value)
    return broker
