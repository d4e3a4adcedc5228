"""HTTP/1.1 as uvicorn speaks it, but that what is no HTTP is answered with a problem too."""

from uuid import uuid4

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.api.http.middleware import SECURITY_HEADERS, TRACE_HEADER
from services.api.http.problems import MalformedRequest, problem_response


class ProblemProtocol(H11Protocol):
    """What cannot be read reaches no application, and so none of our own handlers."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words
        trace_id = str(uuid4())
        answer = problem_response(MalformedRequest(), trace_id)
        headers = SECURITY_HEADERS | {TRACE_HEADER: trace_id, "Cache-Control": "no-store"}
        answer.headers.update(headers | {"Connection": "close"})
        start = h11.Response(status_code=answer.status_code, headers=answer.raw_headers)
        for event in (start, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
