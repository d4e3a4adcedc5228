"""Free TCP ports on loopback."""

import secrets
import socket
from collections.abc import Container

from embedded.errors import EmbeddedError

LOOPBACK = "127.0.0.1"

PORTS = range(20_000, 32_000)
"""Below the ephemeral port range: otherwise the system may assign the port of a server that is down
to the client that tries to connect to it."""


def choose_port(preferred: int | None = None, *, avoid: Container[int] = ()) -> int:
    """Return the preferred port if it is free, otherwise a random one; it is not reserved."""
    if preferred is not None and preferred not in avoid and is_free(preferred):
        return preferred
    for _ in range(200):
        port = secrets.choice(PORTS)
        if port not in avoid and is_free(port):
            return port
    raise EmbeddedError(
        f"there is no free port between {PORTS.start} and {PORTS.stop} on {LOOPBACK}: "
        "stop programs that listen there"
    )


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Like the servers: connections of an earlier server in TIME_WAIT do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_listening(port: int) -> bool:
    """Check that the port accepts connections."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False
