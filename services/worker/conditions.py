"""Classification of errors: a condition that an item waits for, another attempt, or a failure.

A broken server is not the fault of an item. While a person can fix the cause, the item waits, and
its attempts are not counted.
"""

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotFoundError,
    NotSupportedError,
    UnknownConfigurationKeyError,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.core.errors import ConfigurationError
from shared.storage.store import BucketMissingError, StoredObjectMissingError

STORE, DATABASE, MACHINE = "object store", "database", "machine of the worker"

NO_SPACE = "no space left on device"
QUOTA = "quota exceeded"
READ_ONLY = "read-only file system"
NO_PERMISSION = "permission denied"
BAD_DEVICE = "input/output error"
NO_MEMORY = "no memory left"
TOO_MANY_REQUESTS = "too many requests"
TOO_MANY_CONNECTIONS = "too many open files or connections"
UNREACHABLE = "it cannot be reached"
NO_ANSWER = "it does not answer in time"
BAD_CERTIFICATE = "its certificate is not valid"
REFUSED_LOGIN = "it refuses the login"
CONFIGURATION = "its configuration does not fit this version"
NO_BUCKET = "its bucket does not exist"
ANOTHER_ERROR = "it answers with an error"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A condition that ends without a change of the item, once a person fixes it."""

    server: str
    reason: str

    def __str__(self) -> str:
        return f"{self.server}: {self.reason}"


class AnotherAttempt:
    """An error that may not occur again; after the last attempt the item fails."""


class Failure:
    """An error that would occur again."""


Classification = Waiting | AnotherAttempt | Failure

_BY_ERRNO = {
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: QUOTA,
    errno.EROFS: READ_ONLY,
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EIO: BAD_DEVICE,
    errno.ENOMEM: NO_MEMORY,
    errno.EMFILE: TOO_MANY_CONNECTIONS,
    errno.ENFILE: TOO_MANY_CONNECTIONS,
    errno.ESTALE: UNREACHABLE,
}

_STORE_MESSAGES = (
    (r"QuotaExceeded|quota exceeded", QUOTA),
    (r"507 Insufficient|StorageFull", NO_SPACE),
    (r"429 Too Many|SlowDown|ServiceUnavailable|TooManyRequests", TOO_MANY_REQUESTS),
    (r"PermissionDenied|403 Forbidden|AccessDenied", NO_PERMISSION),
    (r"Unauthenticated|401 Unauthorized", REFUSED_LOGIN),
    (r"InvalidCertificate|certificate", BAD_CERTIFICATE),
    (r"TimedOut|timed out", NO_ANSWER),
    (r"ConnectError|Connect,|ConnectionRefused|ConnectionReset|dns error", UNREACHABLE),
)
"""Patterns in the messages of obstore, which has one class for most errors."""

_STORE_FAULTS_OF_THE_CODE = (
    AlreadyExistsError,
    InvalidPathError,
    NotSupportedError,
    UnknownConfigurationKeyError,
)

_BY_SQLSTATE = {
    "53100": NO_SPACE,
    "53200": NO_MEMORY,
    "53300": TOO_MANY_CONNECTIONS,
    "53400": "a limit of its configuration is reached",
    "25006": "it is read-only",
    "42501": NO_PERMISSION,
    "58030": BAD_DEVICE,
    "57P01": "it was stopped",
    "57P02": "it has crashed",
    "57P03": "it is starting or stopping",
}
_BY_SQLSTATE_CLASS = {
    "08": UNREACHABLE,
    "28": REFUSED_LOGIN,
    "53": "it has no resources left",
    "57": "an operator intervened",
    "58": "a system error",
}

_ANOTHER_ATTEMPT = {
    "57014",  # statement_timeout, or a cancelled statement
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
    "55P03",  # lock_timeout
    "40001",
    "40P01",
}
"""SQLSTATEs of a time limit, or of a conflict with another transaction."""


def classify(error: Exception) -> Classification:
    """Return how to go on after an error of a handler."""
    for kinds, classify_kind in _BY_CLASS:
        if isinstance(error, kinds):
            return classify_kind(error)
    return Failure()


def _classify_database(error: BaseException | None) -> Classification:
    state = getattr(error, "sqlstate", None)
    if state is None:
        is_connection = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Waiting(DATABASE, UNREACHABLE) if is_connection else Failure()
    if state in _ANOTHER_ATTEMPT:
        return AnotherAttempt()
    reason = _BY_SQLSTATE.get(state) or _BY_SQLSTATE_CLASS.get(state[:2])
    return Waiting(DATABASE, reason) if reason else Failure()


def _classify_store(error: BaseError) -> Classification:
    if isinstance(error, _STORE_FAULTS_OF_THE_CODE):
        return Failure()
    message = str(error)
    if found := re.search(r"os error (\d+)\)", message):
        reason = _BY_ERRNO.get(int(found[1]))
        if reason:
            return Waiting(STORE, reason)
    for pattern, reason in _STORE_MESSAGES:
        if re.search(pattern, message):
            return Waiting(STORE, reason)
    return Waiting(STORE, ANOTHER_ERROR)


def _classify_system(error: OSError) -> Classification:
    reason = _BY_ERRNO.get(error.errno or 0)
    return Waiting(MACHINE, reason) if reason else AnotherAttempt()


_BY_CLASS: tuple[tuple[Any, Callable[[Any], Classification]], ...] = (
    (DBAPIError, lambda error: _classify_database(error.orig)),
    (psycopg.Error, _classify_database),
    (PoolTimeoutError, lambda _: Waiting(DATABASE, NO_ANSWER)),
    (ConfigurationError, lambda _: Waiting(DATABASE, CONFIGURATION)),
    (BucketMissingError, lambda _: Waiting(STORE, NO_BUCKET)),
    ((StoredObjectMissingError, NotFoundError), lambda _: AnotherAttempt()),
    (BaseError, _classify_store),
    (MemoryError, lambda _: Waiting(MACHINE, NO_MEMORY)),
    (OSError, _classify_system),
)
"""Classifications by class of error; the first class that fits decides."""
