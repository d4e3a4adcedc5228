"""ASGI middleware: trace ids, the request log, metrics, response headers and body limits."""

import asyncio
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.context import RequestContext
from services.api.http.download_monitor import AccessRevokedError
from services.api.http.error_headers import error_headers
from services.api.http.links import path_of
from services.api.http.metrics import RequestMetrics
from services.api.http.problems import (
    InternalServerError,
    PayloadTooLarge,
    ServiceUnavailable,
    problem_response,
)
from services.api.http.security_headers import security_headers
from services.http_server.connections import USES_RESERVE
from shared.core.logging import describe_error

logger = structlog.get_logger(__name__)

TRACE_HEADER = "BelGov-Trace-Id"
RELATED_TRACE_HEADER = "BelGov-Related-Trace-Id"
MAX_BODY_BYTES = 64 * 1024
"""The limit of every body except that of a delivery."""

BODY_TIMEOUT_SECONDS = 20.0
"""The longest pause between two chunks of a body, and the longest time for a small body."""
MIN_BYTES_PER_SECOND = 512 * 1024
"""A path with a higher limit gets more time: what its limit takes at this rate."""

MAX_WAITING = 256
"""Requests that wait for a small body at a time. One more ends the one that has waited longest:
clients that send half a form take the connections of nobody."""

UNMATCHED = "unmatched"
HEALTH_PATHS = frozenset({"/health", "/health/live", "/health/ready"})
"""Paths of the platform; a request for one of them is never refused."""
CLIENT_CLOSED_REQUEST = 499

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class RequestLogging:
    """Middleware that assigns trace ids, logs and counts requests, and handles unexpected errors.

    A trace id in the request is not adopted, as Belgif requires: it is returned as
    `BelGov-Related-Trace-Id`, if it is a UUID. The log line has the route's template, not the path
    or the query.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["path"] = path_of(scope)  # not decoded: an operation has one path
        trace_id = str(uuid4())
        context = RequestContext(trace_id, scope["method"])
        scope.setdefault("state", {})["context"] = context
        started, status = time.perf_counter(), 0
        headers = {TRACE_HEADER: trace_id} | _related(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])  # an HTTPStatus would be logged as its repr
                _add_headers(message, scope, headers | context.response_headers)
            await send(message)

        with structlog.contextvars.bound_contextvars(trace_id=trace_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except ClientDisconnect:
                status = status or CLIENT_CLOSED_REQUEST
            except AccessRevokedError:
                logger.info("download_ended")
                raise ConnectionAbortedError from None
            except Exception as error:  # noqa: BLE001  # any error becomes a response
                failure = describe_error(error)
                logger.error("request_failed", **failure)  # noqa: TRY400  # a traceback may quote data
                if status == 0:
                    response = problem_response(InternalServerError(), trace_id)
                    await response(scope, receive, send_with_headers)
                else:
                    status = 500
                    raise ConnectionAbortedError from None
            finally:
                self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", UNMATCHED)
        context: RequestContext = scope["state"]["context"]
        started = {} if context.job_id is None else {"job_id": str(context.job_id)}
        self.metrics.observe(scope["method"], route, status, seconds)
        logger.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            client=context.client,
            **started,
        )


def _related(scope: Scope) -> dict[str, str]:
    given = Headers(scope=scope).get(TRACE_HEADER, "")
    return {RELATED_TRACE_HEADER: given} if _UUID.fullmatch(given) else {}


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _add_headers(message: Message, scope: Scope, headers: Mapping[str, str]) -> None:
    """Add headers to those that a route has set; responses with data are never cacheable."""
    authorization = Headers(scope=scope).get("authorization", "")
    defaults = error_headers(message["status"], authorization) | security_headers(scope["state"])
    path = scope["path"]
    is_uncacheable = path.startswith(("/v1/", "/oauth2/"))
    sent = [
        header
        for header in message["headers"]
        if not (is_uncacheable and header[0].lower() == b"cache-control")
    ]
    own = {name.lower() for name, _ in sent}
    sent += _encoded(headers)
    sent += [header for header in _encoded(defaults) if header[0] not in own]
    if b"cache-control" not in own:
        sent.append((b"cache-control", b"no-store" if is_uncacheable else b"no-cache"))
    message["headers"] = sent


class ConnectionReserve:
    """Responds to checks of health alone while the requests in progress use all connections."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in HEALTH_PATHS:
            state = scope["state"]
            if state.get(USES_RESERVE):
                response = problem_response(ServiceUnavailable(), state["context"].trace_id)
                response.headers["Connection"] = "close"
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimit:
    """Middleware that rejects bodies that are too large for their path, or received too slowly."""

    def __init__(
        self, app: ASGIApp, larger: Mapping[str, int], timeout: float = BODY_TIMEOUT_SECONDS
    ) -> None:
        """`larger` has the limits, in bytes, of the paths that allow more than `MAX_BODY_BYTES`."""
        self.app = app
        self.larger = larger
        self.timeout = timeout
        self._waiting: dict[asyncio.Timeout, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], MAX_BODY_BYTES)
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            response = problem_response(PayloadTooLarge(), scope["state"]["context"].trace_id)
            await response(scope, receive, send)
            return
        deadline = _now() + self.timeout + limit / MIN_BYTES_PER_SECOND
        received, is_complete = 0, False

        async def receive_within_limit() -> Message:
            nonlocal received, is_complete
            latest = None if is_complete else min(deadline, _now() + self.timeout)
            is_small = latest is not None and limit == MAX_BODY_BYTES
            message = await self._receive_before(receive, latest, is_small=is_small)
            is_complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self.app(scope, receive_within_limit, send)

    async def _receive_before(
        self, receive: Receive, latest: float | None, *, is_small: bool
    ) -> Message:
        try:
            async with asyncio.timeout_at(latest) as limit:
                if is_small:
                    self._wait(limit)
                try:
                    return await receive()
                finally:
                    self._waiting.pop(limit, None)
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None

    def _wait(self, limit: asyncio.Timeout) -> None:
        self._waiting[limit] = None
        if len(self._waiting) > MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.reschedule(_now())


def _now() -> float:
    return asyncio.get_running_loop().time()
