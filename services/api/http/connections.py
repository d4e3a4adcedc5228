"""Connections of the HTTP server: their buffers, and how one is aborted."""

import socket
import struct
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SEND_BUFFER_BYTES = 256 * 1024
"""Of the kernel, which doubles it for its own administration. With a piece of a download and the
buffer of asyncio, less than 1 MiB is on its way to a client."""

_DISCARD_UNSENT = struct.pack("ii", 1, 0)  # linger: on, for 0 seconds


class BoundedProtocol(H11Protocol):
    """A connection with a bounded send buffer, which a response can abort."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort_connection": self.abort}
        _set_option(transport, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def abort(self) -> None:
        """Close the connection, and discard what the client has not received."""
        _set_option(self.transport, socket.SO_LINGER, _DISCARD_UNSENT)
        self.transport.abort()


def _set_option(transport: Any, option: int, value: int | bytes) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, value)
