"""A server of Valkey that a test can start and stop, with options of its own."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.valkey import binary

PASSWORD = "secret-word"
START_SECONDS = 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def valkey(directory: Path, *options: str, port: int | None = None) -> Iterator[int]:
    """Start a server with a password; yield its port."""
    port = port or free_port()
    address = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)]
    command = [str(binary()), *address, "--save", "", "--requirepass", PASSWORD, *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)
