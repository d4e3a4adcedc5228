"""uvicorn's HTTP/1.1 protocol, with a problem as the response to malformed requests."""

from uuid import uuid4

import h11

from services.api.http.connections import BoundedProtocol
from services.api.http.middleware import SECURITY_HEADERS, TRACE_HEADER
from services.api.http.problems import MalformedRequest, problem_response


class ProblemProtocol(BoundedProtocol):
    """A malformed request reaches no application, and so no exception handler."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        trace_id = str(uuid4())
        response = problem_response(MalformedRequest(), trace_id)
        headers = SECURITY_HEADERS | {TRACE_HEADER: trace_id, "Cache-Control": "no-store"}
        response.headers.update(headers | {"Connection": "close"})
        start = h11.Response(status_code=response.status_code, headers=response.raw_headers)
        for event in (start, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
