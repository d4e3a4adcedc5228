"""uvicorn's HTTP/1.1 protocol, with a problem as the response to malformed requests."""

from uuid import uuid4

from services.api.http.middleware import TRACE_HEADER
from services.api.http.problem_types import Problem
from services.api.http.problems import (
    HttpVersionNotSupported,
    MalformedRequest,
    RequestHeadTooLarge,
    RequestTimeout,
    problem_response,
)
from services.api.http.security_headers import security_headers
from services.http_server.connections import BoundedProtocol
from services.http_server.framing import StrictBuffer


class ProblemProtocol(BoundedProtocol):
    """A malformed or incomplete request reaches no application, and so no exception handler."""

    def refuse_malformed(self, buffer: StrictBuffer) -> None:
        if buffer.has_other_version:
            self._refuse_with(HttpVersionNotSupported())
        elif buffer.is_too_large:
            self._refuse_with(RequestHeadTooLarge())
        else:
            self._refuse_with(MalformedRequest())

    def send_408_response(self) -> None:
        self._refuse_with(RequestTimeout())

    def _refuse_with(self, problem: Problem) -> None:
        trace_id = str(uuid4())
        response = problem_response(problem, trace_id)
        response.headers.update(security_headers(self.app_state))
        response.headers.update({TRACE_HEADER: trace_id, "Cache-Control": "no-store"})
        self.refuse(response)
