"""Log lines about the queue, few while it is unavailable or sends anything but wake-ups."""

import logging
from collections.abc import Container, Iterable
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Any, cast

import structlog
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name
from dramatiq.errors import BrokerConnectionError, DecodeError
from redis.exceptions import RedisError

from shared.core.redis_errors import explain_redis_error
from shared.jobs.queue import WAKE_UPS

logger = structlog.get_logger(__name__)

REPEAT_SECONDS = 60.0
"""The shortest time between two lines about a queue that is unavailable."""

QUEUE_ERRORS = RedisError, BrokerConnectionError


class QueueLog:
    """Logs when the queue becomes unavailable and available again. Thread-safe.

    Work goes on meanwhile: workers poll the database.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_available = True
        self._logged_at = self._refused_at = -REPEAT_SECONDS

    def record_failure(self, error: BaseException) -> None:
        with self._lock:
            if monotonic() - self._logged_at < REPEAT_SECONDS:
                return
            self._is_available, self._logged_at = False, monotonic()
        logger.warning("queue_unavailable", reason=explain_redis_error(_cause_of(error)))

    def record_success(self) -> None:
        with self._lock:
            if self._is_available:
                return
            self._is_available = True
        logger.info("queue_available")

    def record_refusal(self) -> None:
        """Log that a message was refused, without anything of it."""
        with self._lock:
            if monotonic() - self._refused_at < REPEAT_SECONDS:
                return
            self._refused_at = monotonic()
        logger.warning("message_refused")

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop a line of dramatiq about the queue; a filter of `logging`."""
        return not isinstance(_error_in(record), QUEUE_ERRORS)

    def watch(self, queue_name: str) -> None:
        """Drop the lines that dramatiq logs about a queue, every three seconds."""
        for name in (queue_name, dq_name(queue_name)):
            logging.getLogger(f"dramatiq.worker.ConsumerThread({name})").addFilter(self)


class WatchedBroker(RedisBroker):
    """A broker whose consumers receive wake-ups alone, and tell `log` when they cannot.

    After a failure dramatiq starts a new consumer, which begins with a request to Redis.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
        self.log = QueueLog()

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, and drop the lines that dramatiq logs about its consumers."""
        super().declare_queue(queue_name)
        self.log.watch(queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        consumer = super().consume(queue_name, prefetch, timeout)
        return _WatchedConsumer(consumer, self.log, self.actors)


class _WatchedConsumer(Consumer):
    """A consumer that drops what is no wake-up: somebody else can write to Redis, too.

    Of such messages, dramatiq would log the arguments, stop for seconds, or lose a thread.
    """

    def __init__(self, consumer: Consumer, log: QueueLog, actors: Container[str]) -> None:
        self._consumer = consumer
        self._log = log
        self._actors = actors
        self._has_received = False

    def __next__(self) -> MessageProxy | None:
        try:
            message = next(self._consumer)
        except QUEUE_ERRORS as error:
            self._log.record_failure(error)
            raise
        except (DecodeError, TypeError):  # of an id that cannot be a member of a set
            self._log.record_refusal()
            return None
        if not self._has_received:
            self._has_received = True
            self._log.record_success()
        if message is None or _is_wake_up(message, self._actors):
            return message
        self._log.record_refusal()
        with suppress(KeyError, TypeError, *QUEUE_ERRORS):  # it has no id that Redis knows
            self._consumer.ack(message)
        return None

    def ack(self, message: MessageProxy) -> None:
        self._consumer.ack(message)

    def nack(self, message: MessageProxy) -> None:
        self._consumer.nack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        self._consumer.requeue(messages)

    def close(self) -> None:
        self._consumer.close()


def _is_wake_up(message: MessageProxy, actors: Container[str]) -> bool:
    """Return True for a message as `WakeUpQueue.wake` sends it; another one can have any types."""
    actor, options = cast("object", message.actor_name), cast("object", message.options)
    return (
        message.queue_name == WAKE_UPS
        and isinstance(actor, str)
        and actor in actors
        and not (message.args or message.kwargs)
        and isinstance(options, dict)
        and options.keys() == {"redis_message_id"}
        and isinstance(options["redis_message_id"], str)
    )


def _error_in(record: logging.LogRecord) -> object:
    if record.exc_info:
        return record.exc_info[1]
    return record.args[0] if isinstance(record.args, tuple) and record.args else None


def _cause_of(error: BaseException) -> BaseException:
    """Return the error of Redis in an error of dramatiq."""
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, BaseException) else error
