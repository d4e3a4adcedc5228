"""uvicorn's HTTP/1.1 protocol, with a problem as the response to malformed requests."""

from typing import Any
from uuid import uuid4

import h11

from services.api.http.connections import BoundedProtocol
from services.api.http.framing import StrictBuffer
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


class ProblemProtocol(BoundedProtocol):
    """A malformed or incomplete request reaches no application, and so no exception handler."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._buffer = StrictBuffer()
        self.conn._receive_buffer = self._buffer  # noqa: SLF001  # h11 has no setting for this

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.close()  # in the middle of a response
            return
        if self._buffer.has_other_version:
            self._refuse_with(HttpVersionNotSupported())
        elif self._buffer.is_too_large:
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
