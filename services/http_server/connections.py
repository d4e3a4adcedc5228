"""Connections of the HTTP server: how many there are, how long they wait, and what they buffer."""

import fcntl
import resource
import socket
import struct
import termios
from dataclasses import dataclass, field
from http import HTTPStatus
from random import uniform
from typing import Any

import h11
import structlog
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.http_server.framing import StrictBuffer

logger = structlog.get_logger(__name__)

HEAD_TIMEOUT_SECONDS = 10.0
"""For a whole request head, from the connection or, after a response, from its first byte on. Until
then the keep-alive time counts, which is that of uvicorn."""
HEAD_TIMEOUT_SPREAD = 0.3
"""The part of it by which the time differs at most: thousands of connections that were opened
together are not closed at one moment, in which nobody else would be served."""
CLOSE_TIMEOUT_SECONDS = 5.0
"""For a client to receive the last bytes of a connection that is closed."""
LINGER_SECONDS = 1.0
"""How long a refused connection stays half closed, so that its client receives the response."""
STALL_TIMEOUT_SECONDS = 60
"""A connection whose client receives nothing for so long, though there is something, is ended."""

SEND_BUFFER_BYTES = 256 * 1024
"""Of the kernel, which doubles it for its own administration. With a piece of a download and the
buffer of asyncio, less than 1 MiB is on its way to a client."""

MAX_UNSENT_BYTES = 256 * 1024
"""More than the buffers of a download have. Only a response that is not sent in pieces, such as a
file of the documentation, leaves more when its client does not receive it."""
MAX_BEHIND = 64
"""Clients with so much unsent of a response; one more ends the one that waits longest, so that
clients that receive nothing fill no memory."""

RESERVED = 64
"""Connections that are free for `/health` when every other one has a request in progress."""
USES_RESERVE = "uses_reserve"
"""In the state of a request: True when it should not be served unless it is about health."""
OTHER_FILES = 256
"""Open files that are no connections: the log, the pool, objects, and connections to accept."""

_DISCARD_UNSENT = struct.pack("ii", 1, 0)  # linger: on, for 0 seconds


@dataclass(slots=True)
class Connections:
    """The open connections of this process: never more than `limit`.

    A connection above the limit replaces the one that has waited longest for a request head, so
    that idle clients take the place of nobody. Requests in progress are never ended for others.
    """

    limit: int = 1_000
    _waiting: dict["BoundedProtocol", None] = field(default_factory=dict)
    _in_progress: set["BoundedProtocol"] = field(default_factory=set)
    _behind: dict["BoundedProtocol", None] = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: int) -> "Connections":
        """Raise the limit of open files for the wanted connections, or allow fewer of them."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted + OTHER_FILES:
            soft = min(wanted + OTHER_FILES, hard) if hard != resource.RLIM_INFINITY else wanted
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        limit = max(2 * RESERVED, min(wanted, soft - OTHER_FILES))
        if limit < wanted:
            logger.warning("fewer_connections", wanted=wanted, limit=limit, open_files=soft)
        return cls(limit)

    def wait(self, connection: "BoundedProtocol") -> None:
        """Note that the connection waits for a request head; one too many is aborted."""
        self.remove(connection)
        self._waiting[connection] = None
        if len(self._waiting) + len(self._in_progress) > self.limit:
            oldest = next(iter(self._waiting))
            self.remove(oldest)
            oldest.abort()

    def begin(self, connection: "BoundedProtocol") -> None:
        """Note that the connection has a request in progress; mark it if it uses the reserve."""
        if connection not in self._in_progress:
            is_reserved = len(self._in_progress) >= self.limit - RESERVED
            connection.scope["state"][USES_RESERVE] = is_reserved
            self.remove(connection)
            self._in_progress.add(connection)

    def fall_behind(self, connection: "BoundedProtocol") -> None:
        """Note that much of a response is not received yet; one too many is aborted."""
        self._behind[connection] = None
        if len(self._behind) > MAX_BEHIND:
            oldest = next(iter(self._behind))
            self.remove(oldest)
            oldest.abort()

    def catch_up(self, connection: "BoundedProtocol") -> None:
        self._behind.pop(connection, None)

    def remove(self, connection: "BoundedProtocol") -> None:
        self._behind.pop(connection, None)
        self._waiting.pop(connection, None)
        self._in_progress.discard(connection)


class BoundedProtocol(H11Protocol):
    """A connection with time limits, strict framing and a bounded send buffer.

    A response can abort it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._buffer = StrictBuffer()
        self.conn._receive_buffer = self._buffer  # noqa: SLF001  # h11 has no setting for this
        self._connections: Connections = self.app_state.get("connections") or Connections()
        self._head_timer: Any = None
        self._is_refused = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {
            **self.app_state,
            "abort_connection": self.abort,
            "count_unsent": self.count_unsent,
            "is_closing": transport.is_closing,
        }
        stall = STALL_TIMEOUT_SECONDS * 1000
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall)
        self._update()

    def data_received(self, data: bytes) -> None:
        """Discard what a refused client still sends: closing at once could lose the response."""
        if not self._is_refused:
            super().data_received(data)
            self._update()

    def handle_events(self) -> None:
        """Begin no request while its client leaves the response before it in the buffers.

        A client that sends several requests and receives nothing has none in progress: it waits,
        and can be replaced.
        """
        if self.flow.write_paused and self._is_between():
            self.flow.pause_reading()
        else:
            super().handle_events()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._connections.catch_up(self)
        if self._is_between() and not (self._is_refused or self.transport.is_closing()):
            self.flow.resume_reading()
            self.handle_events()
            self._update()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()
        self._update()
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._connections.fall_behind(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._connections.remove(self)
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_later()

    def abort(self) -> None:
        """Close the connection, and discard what the client has not received."""
        opened = self.transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD_UNSENT)
        self.transport.abort()

    def count_unsent(self) -> int:
        """Return the number of bytes, here and in the kernel, that the client has not received."""
        size: int = self.transport.get_write_buffer_size()
        opened = self.transport.get_extra_info("socket")
        if opened is None or opened.fileno() < 0:
            return size
        in_kernel = fcntl.ioctl(opened.fileno(), termios.TIOCOUTQ, bytes(struct.calcsize("i")))
        return size + int(struct.unpack("i", in_kernel)[0])

    def refuse(self, response: Response) -> None:
        """Send a response to a request that reaches no application, and close the connection.

        It counts as a connection until it is closed.
        """
        response.headers["Connection"] = "close"
        start = h11.Response(status_code=response.status_code, headers=response.raw_headers)
        for event in (start, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self._is_refused = True
        self._stop_head_timer()
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.close)

    def close(self) -> None:
        """Close the connection, after a few seconds also when its client receives nothing."""
        self.transport.close()
        self._abort_later()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """Send the response to a malformed request, and close the connection."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.refuse_malformed(self._buffer)
        else:
            self.close()  # in the middle of a response

    def refuse_malformed(self, buffer: StrictBuffer) -> None:
        """Refuse a malformed request; the buffer has the reason."""
        status = HTTPStatus.BAD_REQUEST
        if buffer.is_too_large:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self.refuse(Response(status_code=status))

    def send_408_response(self) -> None:
        """Send the response to half a request head, and close the connection."""
        self.refuse(Response(status_code=HTTPStatus.REQUEST_TIMEOUT))

    def _update(self) -> None:
        """Start or stop the time limit of a request head, by the state of the connection.

        The rest of a body that came after the response counts as the next head.
        """
        if self._is_refused or self.transport.is_closing():
            self._stop_head_timer()
        elif not self._is_between():
            self._stop_head_timer()
            self._connections.begin(self)
        elif self._head_timer is None:
            if not self._is_idle():
                part = uniform(1 - HEAD_TIMEOUT_SPREAD, 1)  # noqa: S311  # no secret
                timeout = part * HEAD_TIMEOUT_SECONDS
                self._head_timer = self.loop.call_later(timeout, self._end_waiting)
            self._connections.wait(self)

    def _is_between(self) -> bool:
        """Return True when no request is in progress."""
        return bool(getattr(self.cycle, "response_complete", True))  # None before the first one

    def _is_idle(self) -> bool:
        """Return True between a response and the first byte of the next request."""
        is_between = self.conn.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
        return is_between and self.timeout_keep_alive_task is not None

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_waiting(self) -> None:
        if self.transport.is_closing():
            return
        received, _ = self.conn.trailing_data
        if received and self.conn.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}:
            self.send_408_response()
        else:
            self.close()

    def _abort_later(self) -> None:
        self.loop.call_later(CLOSE_TIMEOUT_SECONDS, self.transport.abort)
