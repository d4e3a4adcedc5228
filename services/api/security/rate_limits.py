"""Rate limits of callers, of clients at the token endpoint, and the alarm for bulk reads."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from fastapi import Request

from services.api.http.context import context_of
from services.api.http.problems import TooManyRequests
from services.api.http.rate_limiter import RateLimitStatus
from services.api.resources import Resources
from shared.access.decisions import record_alarm
from shared.access.requests import AccessRequest
from shared.access.rules import Caller
from shared.core.unit_of_work import UnitOfWork

logger = structlog.get_logger(__name__)


def rate_limit(request: Request, resources: Resources, caller: Caller) -> None:
    """Count the request of a caller.

    Raises:
        TooManyRequests: over the limit.
    """
    _apply(request, resources.rate_limiter.check(caller))


def rate_limit_client(request: Request, resources: Resources, client_id: str) -> None:
    """Count the request of a client that has authenticated with its own key.

    Raises:
        TooManyRequests: over the limit.
    """
    _apply(request, resources.rate_limiter.check_client(client_id))


def rate_limit_link(request: Request, resources: Resources, secret_sha256: bytes) -> None:
    """Count the request of a download link.

    Raises:
        TooManyRequests: over the limit.
    """
    _apply(request, resources.rate_limiter.check_link(secret_sha256))


@contextmanager
def rate_limit_codes(request: Request, resources: Resources, caller: Caller) -> Iterator[None]:
    """Count the code that an officer tries in the block, if the block raises an error.

    It counts from the start, so that codes that are tried at the same time do not pass.

    Raises:
        TooManyRequests: over the limit of wrong codes.
    """
    _apply(request, resources.rate_limiter.check_code(caller))
    yield
    resources.rate_limiter.return_code(caller)


def raise_alarm(request: Request, resources: Resources, access: AccessRequest) -> None:
    """Count the students of an answer; raise an alarm, once an hour, if they become too many.

    The alarm is a log line, a metric and an entry in the audit log.
    """
    caller, students = access.caller, access.students_read
    if students and resources.rate_limiter.reads_too_many(caller, students):
        request.app.state.metrics.bulk_reads.labels(caller.kind.value).inc()
        logger.warning("bulk_reads", client=caller.client, organisation=caller.school_id)
        with UnitOfWork(resources.sessions) as unit:
            record_alarm(unit, access)


def _apply(request: Request, status: RateLimitStatus) -> None:
    context_of(request).describe_limit(status.to_http_headers())
    if status.is_exceeded:
        raise TooManyRequests(status.seconds_left)
