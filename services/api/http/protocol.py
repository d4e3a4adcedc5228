"""uvicorn's HTTP/1.1 protocol, with a problem as the response to malformed requests."""

from typing import Any
from uuid import uuid4

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.api.http.framing import StrictBuffer
from services.api.http.middleware import SECURITY_HEADERS, TRACE_HEADER
from services.api.http.problems import (
    MalformedRequest,
    RequestHeadTooLarge,
    problem_response,
)

LINGER_SECONDS = 1.0
"""How long a connection stays half closed after a malformed request."""


class ProblemProtocol(H11Protocol):
    """A malformed request reaches no application, and so no exception handler."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_refused = False
        self._buffer = StrictBuffer()
        self.conn._receive_buffer = self._buffer  # noqa: SLF001  # h11 has no setting for this

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()  # in the middle of a response
            return
        trace_id = str(uuid4())
        problem = RequestHeadTooLarge() if self._buffer.is_too_large else MalformedRequest()
        response = problem_response(problem, trace_id)
        headers = SECURITY_HEADERS | {TRACE_HEADER: trace_id, "Cache-Control": "no-store"}
        response.headers.update(headers | {"Connection": "close"})
        start = h11.Response(status_code=response.status_code, headers=response.raw_headers)
        for event in (start, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self._is_refused = True
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Discard what a refused client still sends: closing at once could lose the response."""
        if not self._is_refused:
            super().data_received(data)
