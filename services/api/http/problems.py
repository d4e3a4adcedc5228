"""Error responses: problem+json for every exception, with nothing that the client may not know."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import InternalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from services.api.http.context import context_of
from services.api.http.head import methods_of
from services.api.http.problem_types import (
    CHALLENGE,
    MEDIA_TYPE,
    Problem,
    ProblemType,
    oauth_status,
    problem_of,
)
from services.api.http.validation import validation_problem
from shared.core.database import DATABASE_UNAVAILABLE
from shared.core.errors import ConfigurationError, DomainError, ResourceNotFound
from shared.core.logging import describe_error
from shared.oauth.errors import OAuthError
from shared.storage.store import STORE_UNAVAILABLE

logger = structlog.get_logger(__name__)

REBUILD_SECONDS = 30
"""The time after which a client asks again for a document that is being rebuilt."""
_LOCKED = (
    "Other work, such as an import, is changing the same data; this request changed nothing. "
    "Try again when that work has ended."
)
OAUTH_PATHS = "/oauth2/"
_MEANING_WAIT = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
RETRYABLE_SQLSTATES = {"25006", "25P03", "25P04"}
"""read_only_sql_transaction, as after a failover; idle_in_transaction_session_timeout;
transaction_timeout."""


class NoAccessToken(Problem):
    def __init__(self) -> None:
        super().__init__(
            "noAccessToken",
            "This operation needs an access token in the Authorization header.",
            headers={"WWW-Authenticate": CHALLENGE},
        )


class ServiceUnavailable(Problem):
    def __init__(self, detail: str = "The service is not available now; try again later.") -> None:
        super().__init__("serviceUnavailable", detail)


class DocumentBeingRebuilt(Problem):
    def __init__(self) -> None:
        super().__init__(
            "documentBeingRebuilt",
            "The bytes of the document are lost and are being made again; try again later.",
            headers={"Retry-After": str(REBUILD_SECONDS)},
        )


class InternalServerError(Problem):
    def __init__(self) -> None:
        super().__init__(
            "internalServerError",
            "The service failed; report the trace id if it happens again.",
        )


class MalformedRequest(Problem):
    def __init__(self) -> None:
        super().__init__("badRequest", "This is not a valid HTTP/1.1 request.")


class HttpVersionNotSupported(Problem):
    def __init__(self) -> None:
        super().__init__("httpVersionNotSupported", "Send the request as HTTP/1.1.")


class RequestHeadTooLarge(Problem):
    def __init__(self) -> None:
        super().__init__(
            "requestHeadTooLarge",
            "The request line and the headers are too large together; send fewer or shorter ones.",
        )


class PayloadTooLarge(Problem):
    def __init__(self) -> None:
        super().__init__(
            "payloadTooLarge", "The body is larger than this operation accepts; send a smaller one."
        )


class TooManyRequests(Problem):
    def __init__(
        self,
        retry_after_seconds: int,
        detail: str = "The rate limit is exceeded; wait before the next request.",
    ) -> None:
        super().__init__(
            "tooManyRequests",
            detail,
            members={"retryAfterSec": retry_after_seconds},
            headers={"Retry-After": str(retry_after_seconds)},
        )


class Overloaded(TooManyRequests):
    """A request that the service has no time for now, whatever its caller has sent before."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            retry_after_seconds,
            "The service has too many requests at the moment; send this one again a little later.",
        )


class RequestTimeout(Problem):
    def __init__(self) -> None:
        super().__init__(
            "requestTimeout",
            "The request was received too slowly; send it again.",
            headers={"Connection": "close"},
        )


class UnsupportedMediaType(Problem):
    def __init__(self, accepted: str) -> None:
        super().__init__(
            "unsupportedMediaType",
            f"This operation accepts {accepted}.",
            headers={"Accept": accepted},
        )


def problem_response(problem: Problem, trace_id: str) -> Response:
    body: dict[str, Any] = {**problem.as_json(), "instance": f"urn:uuid:{trace_id}"}
    return JSONResponse(body, problem.type.status, headers=problem.headers, media_type=MEDIA_TYPE)


def register_exception_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(OAuthError, _on_oauth_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    # A new connection to the database raises ConfigurationError while that cannot be used.
    for unavailable in (*DATABASE_UNAVAILABLE, *STORE_UNAVAILABLE, ConfigurationError):
        app.add_exception_handler(unavailable, _on_unavailable)
    app.add_exception_handler(InternalError, _on_internal_error)


def response_to(request: Request, problem: Problem) -> Response:
    """Return the problem as a response; under /oauth2 one to wait is an error of OAuth.

    Clients of an authorization server read no other format than that of RFC 6749, section 5.2.
    """
    if request.url.path.startswith(OAUTH_PATHS) and problem.type.status in _MEANING_WAIT:
        body = {"error": "temporarily_unavailable", "error_description": problem.detail}
        return JSONResponse(body, problem.type.status, headers=problem.headers)
    return problem_response(problem, context_of(request).trace_id)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for nothing else
    context_of(request).is_overloaded = isinstance(error, Overloaded)
    return response_to(request, error)


async def _on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101  # registered for nothing else
    return response_to(request, problem_of(error))


async def _on_oauth_error(request: Request, error: Exception) -> Response:  # noqa: ARG001  # as starlette calls it
    assert isinstance(error, OAuthError)  # noqa: S101  # registered for nothing else
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, oauth_status(error))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    found = error.errors()
    if any(
        fault["type"] == "model_attributes_type" and fault["loc"] == ("body",) for fault in found
    ):
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "application/json" and not declared.endswith("+json"):
            return response_to(request, UnsupportedMediaType("application/json"))
    return response_to(request, validation_problem(found))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    return response_to(request, _from_status(request, error.status_code))


def _from_status(request: Request, status: int) -> Problem:
    if status == HTTPStatus.NOT_FOUND:
        return problem_of(ResourceNotFound())
    if status == HTTPStatus.BAD_REQUEST:
        return Problem("badRequest", "The body cannot be read.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return PayloadTooLarge()
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return RequestTimeout()
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return Problem(
            "methodNotAllowed",
            "This resource does not support this method; the Allow header lists those it supports.",
            headers={"Allow": ", ".join(sorted(allowed_methods(request)))},
        )
    phrase = HTTPStatus(status).phrase
    return Problem(ProblemType("about:blank", phrase, status), phrase)


def allowed_methods(request: Request) -> Iterable[str]:
    """Return the methods of every route with this path; the router itself names those of one."""
    path = request.scope["path"]
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if route.path_regex is not None and route.path_regex.match(path)
        for method in methods_of(route)
    }


async def _on_unavailable(request: Request, error: Exception) -> Response:
    if isinstance(getattr(error, "orig", None), LockNotAvailable):
        logger.warning("locked", **describe_error(error))
        return response_to(request, ServiceUnavailable(_LOCKED))
    logger.error("unavailable", **describe_error(error))
    return response_to(request, ServiceUnavailable())


async def _on_internal_error(request: Request, error: Exception) -> Response:
    """Respond to an internal error of the database, which may be temporary."""
    assert isinstance(error, InternalError)  # noqa: S101  # registered for nothing else
    if getattr(error.orig, "sqlstate", None) in RETRYABLE_SQLSTATES:
        return await _on_unavailable(request, error)
    raise error
