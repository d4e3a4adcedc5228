"""uvicorn's HTTP/1.1 protocol, with a problem as the response to malformed requests."""

from uuid import uuid4

from services.api.http.connections import BoundedProtocol
from services.api.http.middleware import SECURITY_HEADERS, TRACE_HEADER
from services.api.http.problem_types import Problem
from services.api.http.problems import MalformedRequest, RequestTimeout, problem_response


class ProblemProtocol(BoundedProtocol):
    """A malformed or incomplete request reaches no application, and so no exception handler."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        self._refuse_with(MalformedRequest())

    def send_408_response(self) -> None:
        self._refuse_with(RequestTimeout())

    def _refuse_with(self, problem: Problem) -> None:
        trace_id = str(uuid4())
        response = problem_response(problem, trace_id)
        headers = SECURITY_HEADERS | {TRACE_HEADER: trace_id, "Cache-Control": "no-store"}
        response.headers.update(headers)
        self.refuse(response)
