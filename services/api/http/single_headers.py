"""ASGI middleware that refuses a request which has a single-valued header more than once."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.http.problem_types import Problem, schema_violation
from services.api.http.problems import problem_response

SINGLE_HEADERS = (
    "Authorization",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
)
"""Headers of which two are ambiguous: a proxy may take another of them than the API. For a repeated
`DPoP`, RFC 9449 has an error of its own; a repeated `Host` is refused with the head."""

_NAMES = {name.lower().encode(): name for name in SINGLE_HEADERS}


class SingleHeaders:
    """Responds with a problem that names each of these headers that is repeated."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            times = Counter(name for name, _ in scope["headers"])
            repeated = [_NAMES[name] for name in times if name in _NAMES and times[name] > 1]
            if repeated:
                response = problem_response(_problem(repeated), scope["state"]["context"].trace_id)
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _problem(names: list[str]) -> Problem:
    return Problem(
        "badRequest",
        "The request has headers that are repeated.",
        issues=[schema_violation("header", name, "Send this header once.") for name in names],
    )
