"""Checks of database, queue and object store; what is wrong is a few words without an address."""

import os

import structlog
from obstore.exceptions import BaseError as StoreError
from redis import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.api.http.health_checks import SILENT_SECONDS, HealthChecks, PartCheck
from shared.core.bounded_connection import DeadlineExceededError
from shared.core.deadlines import deadline
from shared.core.errors import ConfigurationError
from shared.core.logging import describe_error
from shared.jobs.monitoring import waiting_items
from shared.storage.store import Storage

logger = structlog.get_logger(__name__)

QUEUE_KEY = "toetsfeedback:health"
QUEUE_KEY_SECONDS = 60
UNREACHABLE, SILENT, READ_ONLY = "unreachable", "does not respond", "read-only"


def open_checks(engine: Engine, queue: Redis, storage: Storage) -> HealthChecks:
    return HealthChecks(
        PartCheck(lambda: check_database(engine)),
        PartCheck(lambda: check_queue(queue)),
        PartCheck(lambda: check_object_store(storage)),
        PartCheck(lambda: check_jobs(engine)),
    )


def check_database(engine: Engine) -> str | None:
    """Read a row; a database that is read-only, as a standby is, can serve no request."""
    try:
        with deadline(SILENT_SECONDS), engine.connect() as connection:
            setting = connection.scalar(text("select current_setting('transaction_read_only')"))
    except (SQLAlchemyError, ConfigurationError) as error:
        logger.error("database_unreachable", **describe_error(error))  # noqa: TRY400  # a traceback may quote a row
        original = getattr(error, "orig", None)
        return SILENT if isinstance(original, DeadlineExceededError) else UNREACHABLE
    return READ_ONLY if setting == "on" else None


def check_queue(queue: Redis) -> str | None:
    """Write a key, since a replica and a server that is full still respond to others."""
    try:
        queue.set(QUEUE_KEY, 1, ex=QUEUE_KEY_SECONDS)
    except RedisError as error:
        logger.error("queue_unreachable", **describe_error(error))  # noqa: TRY400  # as above
        return _reason_of_queue(error)
    return None


def _reason_of_queue(error: RedisError) -> str:
    if isinstance(error, ReadOnlyError):
        return READ_ONLY
    if isinstance(error, OutOfMemoryError):
        return "out of memory"
    if isinstance(error, ResponseError):
        return "accepts no writes"
    return SILENT if isinstance(error, RedisTimeoutError) else UNREACHABLE


def check_jobs(engine: Engine) -> str | None:
    """Return what jobs wait for, which workers see and this process may not."""
    try:
        with deadline(SILENT_SECONDS), Session(engine) as session:
            waiting = waiting_items(session)
    except (SQLAlchemyError, ConfigurationError):
        return None  # the check of the database says so
    return f"waiting for the {', the '.join(waiting)}" if waiting else None


def check_object_store(storage: Storage) -> str | None:
    try:
        storage.check()
    except (StoreError, OSError) as error:
        logger.error("store_unreachable", **describe_error(error))  # noqa: TRY400  # as above
        number = error.errno if isinstance(error, OSError) else None
        return UNREACHABLE if number is None else os.strerror(number).lower()
    return None
