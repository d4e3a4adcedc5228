"""Routes: one that commits the unit of work of its request, and the conventions of version 1."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from http import HTTPStatus
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from services.api.http.head import ReadableRoute, RouteHandler
from services.api.http.threads import run_in_thread
from services.api.operations.idempotency import (
    IDEMPOTENCY_HEADER,
    IdempotentRequest,
    ReplayedResponse,
)
from services.api.operations.json_bodies import refuse_repeated_members
from services.api.operations.known_parameters import header_names, query_names
from services.api.operations.path_ids import PathIds
from services.api.operations.problem_responses import (
    BODY_PROBLEMS,
    COMMON_PROBLEMS,
    IDEMPOTENCY_PROBLEMS,
    add_problems,
)
from services.api.security.authentication import verify_credential
from shared.access.rules import Scope
from shared.core.unit_of_work import UnitOfWork

PUBLIC_PATHS = frozenset(
    {
        "/",
        "/home.css",
        "/health",
        "/health/live",
        "/health/ready",
        "/doc",
        "/doc/openapi.yaml",
        "/doc/assets/{asset_name}",
        "/v1/downloads/{secret}",
        "/oauth2/token",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/oauth2/keys",
        "/oauth2/keys/remove",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    }
)
"""The only paths without an access token: the path of a download contains a secret of its own, and
under /oauth2 a client authenticates with its key."""

Wanted = TypeVar("Wanted")


class CommittingRoute(ReadableRoute):
    """A route whose unit of work is committed before its response is sent.

    A plain function runs in one thread: the work, the JSON of its response, the stored response of
    an idempotent request, and the commit. A coroutine function commits explicitly.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not (iscoroutinefunction(endpoint) or isasyncgenfunction(endpoint)):
            endpoint = _committed(endpoint, options.get("status_code") or HTTPStatus.OK)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> RouteHandler:
        handle = super().get_route_handler()

        async def handle_or_replay(request: Request) -> Response:
            try:
                return await handle(request)
            except ReplayedResponse as replayed:
                return replayed.to_response()

        return handle_or_replay


class Operation(CommittingRoute):
    """An operation of version 1, named after its function; its JSON leaves out absent values."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["operation_id"] = to_camel(endpoint.__name__)
        options["response_model_exclude_none"] = True
        success = options.get("status_code") or HTTPStatus.OK
        options["response_description"] = HTTPStatus(success).phrase
        super().__init__(path, endpoint, **options)
        self.query_names = query_names(self.dependant)
        self.path_ids = PathIds(self.dependant)
        further = self._follow_from_parameters(path)
        self.responses = add_problems(self.responses, *COMMON_PROBLEMS, *further)

    def get_route_handler(self) -> RouteHandler:
        """Verify the token before a body is read, while no connection is used; then read it."""
        handle = super().get_route_handler()
        if self.body_field is None or not required_scopes(self):
            return handle

        async def verify_and_handle(request: Request) -> Response:
            await run_in_thread(verify_credential, request, request.app.state.resources)
            await refuse_repeated_members(request)
            return await handle(request)

        return verify_and_handle

    def _follow_from_parameters(self, path: str) -> Iterator[str]:
        """Iterate over the problems that follow from the path, the body and the headers."""
        if "{" in path:
            yield "resourceNotFound"
        if self.body_field is not None:
            yield from BODY_PROBLEMS
        if IDEMPOTENCY_HEADER in header_names(self.dependant):
            yield from IDEMPOTENCY_PROBLEMS


def _committed(endpoint: Callable[..., Any], status: int) -> Callable[..., Any]:
    def run(arguments: Mapping[str, Any]) -> Response:
        response = to_response(endpoint(**arguments), status, _of_type(arguments, Response))
        unit = _of_type(arguments, UnitOfWork)
        if unit is not None:
            idempotent = _of_type(arguments, IdempotentRequest)
            if idempotent is not None:
                idempotent.store(unit, response)
            unit.commit()
        return response

    @wraps(endpoint)
    async def respond(**arguments: Any) -> Response:
        return await run_in_thread(run, arguments)

    return respond


def to_response(result: Any, status: int, given: Response | None) -> Response:
    """Write a model as JSON; `given` has the headers that the endpoint has set."""
    if isinstance(result, Response):
        return result
    headers = {} if given is None else dict(given.headers)
    headers.pop("content-length", None)
    if result is None:
        return Response(None, status, headers)
    if not isinstance(result, BaseModel):
        raise TypeError(f"an endpoint returns a model or a response, not {type(result).__name__}")
    body = to_json(result, by_alias=True, exclude_none=True)
    return Response(body, status, headers, media_type="application/json")


def _of_type(arguments: Mapping[str, Any], wanted: type[Wanted]) -> Wanted | None:
    return next((value for value in arguments.values() if isinstance(value, wanted)), None)


def operations(tag: str) -> APIRouter:
    """Return a router for the operations on one noun of version 1."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=Operation)


def required_scopes(route: APIRoute) -> frozenset[Scope]:
    """Return the scopes of which a route needs one; none for a public route."""
    for call in _calls(route.dependant.dependencies):
        scopes: frozenset[Scope] | None = getattr(call, "required_scopes", None)
        if scopes is not None:
            return scopes
    return frozenset()


def _calls(dependants: Iterable[Dependant]) -> Iterator[Any]:
    for dependant in dependants:
        yield dependant.call
        yield from _calls(dependant.dependencies)
