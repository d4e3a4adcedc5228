"""Rate limits of callers, and of clients at the token endpoint."""

import structlog
from fastapi import Request

from services.api.http.context import context_of
from services.api.http.problems import TooManyRequests
from services.api.http.rate_limiter import RateLimitStatus
from services.api.resources import Resources
from shared.access.decisions import record_alarm
from shared.access.requests import AccessRequest
from shared.core.unit_of_work import UnitOfWork

logger = structlog.get_logger(__name__)


def rate_limit(
    request: Request, unit: UnitOfWork, resources: Resources, access: AccessRequest, *, reads: bool
) -> None:
    """Count the request of a caller; `reads` is True if it may read data about students.

    Unusually many reads raise an alarm: a log line, a metric and an entry in the audit log.

    Raises:
        TooManyRequests: over the limit.
    """
    status = resources.rate_limiter.check(access.caller, reads=reads)
    _apply(request, status)
    if status.is_unusual:
        caller = access.caller
        request.app.state.metrics.bulk_reads.labels(caller.kind.value).inc()
        logger.warning("bulk_reads", client=caller.client, organisation=caller.school_id)
        record_alarm(unit, access)


def rate_limit_client(request: Request, resources: Resources, client_id: str) -> None:
    """Count the request of a client that has authenticated with its own key.

    Raises:
        TooManyRequests: over the limit.
    """
    _apply(request, resources.rate_limiter.check_client(client_id))


def _apply(request: Request, status: RateLimitStatus) -> None:
    context_of(request).response_headers.update(status.to_http_headers())
    if status.is_exceeded:
        raise TooManyRequests(status.seconds_left)
