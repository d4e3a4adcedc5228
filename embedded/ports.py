"""Free TCP ports on loopback."""

import secrets
import socket
from collections.abc import Container

from embedded.errors import EmbeddedError

LOOPBACK = "127.0.0.1"

PORTS = range(20_000, 32_000)
"""Below the range that systems take outgoing ports from: while a server is down, a client that
tries to reach it must not be given its port."""


def choose_port(preferred: int | None = None, *, avoid: Container[int] = ()) -> int:
    """The preferred port when it is free, else any other; somebody may still take it first."""
    if preferred is not None and preferred not in avoid and is_free(preferred):
        return preferred
    for _ in range(200):
        port = secrets.choice(PORTS)
        if port not in avoid and is_free(port):
            return port
    raise EmbeddedError(
        f"no free port was found between {PORTS.start} and {PORTS.stop} on {LOOPBACK}: "
        "stop programs that listen there"
    )


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do it: connections of an earlier server that linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_answered(port: int) -> bool:
    """Whether something accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False
