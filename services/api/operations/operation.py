"""The conventions of every operation under /v1, in the one class their routes are made of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from http import HTTPStatus
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from fastapi import APIRouter, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from pydantic_core import to_json
from sqlalchemy.orm import Session

from services.api.http.problem_types import MEDIA_TYPE
from services.api.http.threads import run_in_thread
from services.api.operations.idempotency import Handler, keeping_answers
from services.api.operations.known_parameters import query_names
from services.api.schemas.model import ResponseModel
from shared.access.rules import Scope
from shared.core.database import end_at_once

PUBLIC_PATHS = frozenset(
    {
        "/health",
        "/metrics",
        "/doc",
        "/doc/openapi.yaml",
        "/doc/assets/{asset_name}",
        "/v1/downloads/{secret}",
        "/oauth2/token",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    }
)
"""The only paths that need no access token: a download's path holds a secret of its own, and under
/oauth2 a client shows its key."""

EVERYWHERE = (400, 401, 403, 408, 429, 500, 503)
"""Problems that any operation under /v1 can answer with."""

_DESCRIPTIONS = {
    400: "The request does not conform to this document.",
    401: "The access token is missing or invalid.",
    403: "The access token has none of the required scopes.",
    404: "The resource does not exist, or is not available to the caller, or is not released.",
    408: "The body was received too slowly.",
    409: "The request conflicts with the current state of the resource.",
    413: "The body is too large.",
    415: "The operation does not support the media type of the body.",
    416: "The range lies outside the document.",
    422: "The idempotency key was used for another request.",
    429: "The rate limit is exceeded; wait `retryAfterSec` seconds.",
    500: "The service failed.",
    503: "The service is not available now.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of problem answers, for a route's `responses`."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


class Operation(APIRoute):
    """An operation named after its function; absent values are left out of what it answers."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["operation_id"] = to_camel(endpoint.__name__)
        is_plain = not (iscoroutinefunction(endpoint) or isasyncgenfunction(endpoint))
        if options["methods"][0] in {"GET", "HEAD"} and is_plain:
            endpoint = _ended_in_its_thread(endpoint, options.get("status_code") or 200)
        options["response_model_exclude_none"] = True
        options["responses"] = self._responses(path, options.get("responses") or {})
        success = options.get("status_code") or HTTPStatus.OK
        options["response_description"] = HTTPStatus(success).phrase
        super().__init__(path, endpoint, **options)
        self.query_names = query_names(self.dependant)

    def get_route_handler(self) -> Handler:
        return keeping_answers(super().get_route_handler())

    @staticmethod
    def _responses(
        path: str, own: Mapping[int | str, dict[str, Any]]
    ) -> dict[int | str, dict[str, Any]]:
        not_found = (404,) if "{" in path else ()
        all_of_them = {**problems(*EVERYWHERE, *not_found), **own}
        return dict(sorted(all_of_them.items(), key=lambda item: str(item[0])))


def _ended_in_its_thread(endpoint: Callable[..., Any], status: int) -> Callable[..., Any]:
    """Reads, writes what was found as JSON, and commits, without a change of threads between."""

    def read(asked: Mapping[str, Any]) -> Any:
        found = endpoint(**asked)
        if isinstance(found, ResponseModel):
            body = to_json(found, by_alias=True, exclude_none=True)
            found = Response(body, status, media_type="application/json")
        for session in asked.values():
            if isinstance(session, Session):
                end_at_once(session)
        return found

    @wraps(endpoint)
    async def answer(**asked: Any) -> Any:
        return await run_in_thread(read, asked)

    return answer


def operations(noun: str) -> APIRouter:
    """A router for the operations on one noun of version 1."""
    return APIRouter(prefix="/v1", tags=[noun], route_class=Operation)


def required_scopes(route: APIRoute) -> frozenset[Scope]:
    """The scopes of which a route's caller needs one; empty for a route that asks for none."""
    for call in _calls(route.dependant.dependencies):
        scopes: frozenset[Scope] | None = getattr(call, "required_scopes", None)
        if scopes is not None:
            return scopes
    return frozenset()


def _calls(dependants: Iterable[Dependant]) -> Iterator[Any]:
    for dependant in dependants:
        yield dependant.call
        yield from _calls(dependant.dependencies)
