"""Answers for whatever goes wrong: problem+json, with no more in it than the caller may know."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import InternalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from services.api.http.validation import bad_request
from shared.core.database import DATABASE_UNAVAILABLE
from shared.core.errors import BELGIF, OWN, BadRequest, Problem, ResourceNotFound
from shared.core.logging import describe_error
from shared.oauth.errors import OAuthError
from shared.storage.store import STORE_AWAY

logger = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
MAY_TAKE_IT_LATER = {"25006", "25P03", "25P04"}
"""SQLSTATEs: read-only, as after a failover; idle in a transaction, or in one, for too long."""
MEDIA_TYPE = "application/problem+json"


class ServiceUnavailable(Problem):
    def __init__(self) -> None:
        super().__init__(
            f"{BELGIF}serviceUnavailable",
            "Service Unavailable",
            503,
            "The service cannot answer now; try again later.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )


class InternalServerError(Problem):
    def __init__(self) -> None:
        super().__init__(
            f"{BELGIF}internalServerError",
            "Internal Server Error",
            500,
            "Something went wrong here; report the trace id if it happens again.",
        )


class MalformedRequest(BadRequest):
    def __init__(self) -> None:
        super().__init__("This is not a request that HTTP/1.1 allows.")


class PayloadTooLarge(Problem):
    def __init__(self) -> None:
        super().__init__(
            f"{BELGIF}payloadTooLarge",
            "Payload Too Large",
            413,
            "The body is larger than this operation takes.",
        )


class TooManyRequests(Problem):
    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            f"{BELGIF}tooManyRequests",
            "Too Many Requests",
            429,
            "The limit of requests is reached; wait before the next.",
            extra={"retryAfterSec": retry_after_seconds},
            headers={"Retry-After": str(retry_after_seconds)},
        )


class RequestTimeout(Problem):
    def __init__(self) -> None:
        super().__init__(
            f"{OWN}requestTimeout",
            "Request Timeout",
            408,
            "The body came too slowly; send it again.",
            headers={"Connection": "close"},
        )


class UnsupportedMediaType(Problem):
    def __init__(self, wanted: str) -> None:
        super().__init__(
            f"{OWN}unsupportedMediaType",
            "Unsupported Media Type",
            415,
            f"This operation takes {wanted}.",
            headers={"Accept": wanted},
        )


def problem_response(problem: Problem, trace_id: str) -> Response:
    body: dict[str, Any] = {**problem.as_json(), "instance": f"urn:uuid:{trace_id}"}
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def register_problems(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(OAuthError, _on_oauth_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for unavailable in (*DATABASE_UNAVAILABLE, *STORE_AWAY):
        app.add_exception_handler(unavailable, _on_unavailable)
    app.add_exception_handler(InternalError, _on_internal_error)


def _answer(request: Request, problem: Problem) -> Response:
    return problem_response(problem, request.state.trace_id)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for nothing else
    return _answer(request, error)


async def _on_oauth_error(request: Request, error: Exception) -> Response:  # noqa: ARG001  # as starlette calls it
    assert isinstance(error, OAuthError)  # noqa: S101  # registered for nothing else
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status, headers=error.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    found = error.errors()
    if any(
        fault["type"] == "model_attributes_type" and fault["loc"] == ("body",) for fault in found
    ):
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "application/json" and not declared.endswith("+json"):
            return _answer(request, UnsupportedMediaType("application/json"))
    return _answer(request, bad_request(found))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    return _answer(request, _from_status(request, error.status_code))


def _from_status(request: Request, status: int) -> Problem:
    if status == HTTPStatus.NOT_FOUND:
        return ResourceNotFound()
    if status == HTTPStatus.BAD_REQUEST:
        return BadRequest("The body cannot be read.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return PayloadTooLarge()
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return RequestTimeout()
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(allowed_methods(request)))
        return Problem(
            f"{OWN}methodNotAllowed",
            "Method Not Allowed",
            status,
            "This resource does not take this method; the Allow header lists those it takes.",
            headers={"Allow": allowed},
        )
    return Problem("about:blank", HTTPStatus(status).phrase, status, HTTPStatus(status).phrase)


def allowed_methods(request: Request) -> Iterable[str]:
    """The methods of every route with this path; the router itself names only those of one."""
    path = request.scope["path"]
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if route.path_regex is not None and route.path_regex.match(path)
        for method in route.methods or ()
    }


async def _on_unavailable(request: Request, error: Exception) -> Response:
    logger.error("unavailable", **describe_error(error))
    return _answer(request, ServiceUnavailable())


async def _on_internal_error(request: Request, error: Exception) -> Response:
    """Of the database: a server that takes no changes, or ended a transaction that stood still."""
    assert isinstance(error, InternalError)  # noqa: S101  # registered for nothing else
    if getattr(error.orig, "sqlstate", None) in MAY_TAKE_IT_LATER:
        return await _on_unavailable(request, error)
    raise error
