"""Errors of the database and of Redis in a sentence with their remedy, whatever raised them."""

import psycopg
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from shared.core.database_errors import explain_database_error
from shared.core.redis_errors import explain_redis_error


def explain_server_error(error: BaseException) -> str | None:
    """Return the cause and the remedy of an error of a server; None for any other error.

    The sentence quotes neither the message, which can contain a row, nor a URL.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg.Error):
        return explain_database_error(original)
    return explain_redis_error(original) if isinstance(original, RedisError) else None
