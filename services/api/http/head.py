"""Routes that respond to `HEAD` wherever they respond to `GET`: the same headers, no body."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from services.api.http.context import context_of

WITHOUT_HEAD = frozenset({"/v1/downloads/{secret}"})
"""A link works once: `HEAD`, which is without effect, can neither use it up nor leave it unused."""

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadableRoute(APIRoute):
    """A route for `GET` and with that for `HEAD`, unless a route of its own is declared before it.

    To everything behind it the request is one for `GET`, but for its DPoP proof and the log.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is Match.PARTIAL and scope["method"] == "HEAD" and has_head(self):
            match = Match.FULL
        return match, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD" and has_head(self):
            scope = {**scope, "method": "GET"}
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> RouteHandler:
        handle = super().get_route_handler()

        async def handle_or_leave_out_the_body(request: Request) -> Response:
            response = await handle(request)
            return response if context_of(request).method != "HEAD" else _without_body(response)

        return handle_or_leave_out_the_body


def has_head(route: Any) -> bool:
    """Return True for a route for `GET` that responds to `HEAD` as well."""
    return "GET" in (route.methods or ()) and route.path_format not in WITHOUT_HEAD


def methods_of(route: Any) -> frozenset[str]:
    """Return the methods to which a route responds."""
    methods = frozenset(route.methods or ())
    return methods | {"HEAD"} if has_head(route) else methods


def _without_body(response: Response) -> Response:
    """Return a response with the headers only; a stream is not begun."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare
